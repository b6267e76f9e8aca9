"""The reviewer's report: what a change does to the mesh, from two versions of a stack's program."""
