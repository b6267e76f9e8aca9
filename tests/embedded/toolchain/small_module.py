"""The source of the program that tests build: it prints the version that the linker stamps into it."""

MAIN = (
    'package main\n\nimport "os"\n\nvar greeting = "none"\n\nfunc main() { os.Stdout.WriteString(greeting + "\\n") }\n'
)
STAMPS = ("main.greeting={number}",)
