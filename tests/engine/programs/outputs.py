"""A platform's outputs, without its resources."""

import json
import os

import pulumi

for name, value in json.loads(os.environ["OUTPUTS"]).items():
    pulumi.export(name, value)
