#!/usr/bin/env python3
"""Expands template.yaml offline into what CloudFormation would make of it.

    expand.py [--template FILE] [--region R] [--code DIR_URI] [NAME=VALUE ...]

Two transforms run, as they do on the server: AWS::LanguageExtensions
(Fn::ForEach), by cfn-lint, and AWS::Serverless-2016-10-31, by the SAM
translator. NAME=VALUE are parameters; they become the defaults. The result is
JSON on the standard output. No network, no credentials.

--code is the folder, s3://BUCKET/PREFIX, that holds NAME.zip for every
NAMEFunction. Without it, as for linting, a placeholder stands there.
"""

import argparse
import json
import os
import sys

from cfnlint.decode import decode
from cfnlint.template import Template

# Private, hence the pinned version in .ci/deps; there is no public entrance.
from cfnlint.template.transforms._language_extensions import language_extension
from samtranslator.translator.transform import transform


class NoManagedPolicies:
    """The translator would list AWS's managed policies. We name none."""

    def load(self):
        return {}


def plain(node):
    """Turns cfn-lint's nodes, which know their line, into builtins."""
    if isinstance(node, dict):
        return {str(k): plain(v) for k, v in node.items()}
    if isinstance(node, list):
        return [plain(v) for v in node]
    if isinstance(node, str):
        return str(node)
    return node


def parameters(template, given):
    """Sets defaults; returns the value of every parameter that has one."""
    declared = template["Parameters"]
    for name, value in given.items():
        if name not in declared:
            sys.exit(f"expand.py: no parameter {name}")
        declared[name]["Default"] = value
    return {name: str(p["Default"]) for name, p in declared.items() if "Default" in p}


def function_name(logical_id):
    return logical_id.removesuffix("Function").lower()


def expand(path, region, given, code):
    template, problems = decode(path)
    if problems:
        sys.exit("\n".join(f"{path}: {p}" for p in problems))
    values = parameters(template, given)
    problems, out = language_extension(Template(path, template, [region]))
    if problems:
        sys.exit("\n".join(f"{path}: {p}" for p in problems))
    out = plain(out)
    out["Transform"] = "AWS::Serverless-2016-10-31"
    bucket, _, prefix = code.removeprefix("s3://").partition("/")
    for name, resource in out["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            key = f"{prefix.strip('/')}/{function_name(name)}.zip".lstrip("/")
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    return transform(out, values, NoManagedPolicies())


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--template", default=os.path.join(os.path.dirname(__file__), "template.yaml"))
    p.add_argument("--region", default="us-east-1")
    p.add_argument("--code", default="s3://placeholder/code")
    p.add_argument("given", nargs="*", metavar="NAME=VALUE")
    args = p.parse_args()
    os.environ["AWS_DEFAULT_REGION"] = args.region  # the translator asks for it
    given = dict(g.split("=", 1) for g in args.given)
    json.dump(expand(args.template, args.region, given, args.code), sys.stdout, indent=1, sort_keys=True)
    print()


if __name__ == "__main__":
    main()
