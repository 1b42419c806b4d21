#!/usr/bin/env python3
"""Expands template.yaml offline into what CloudFormation would make of it.

    expand.py [--template FILE] [--stage STAGE] [--region R] [--code URI] [NAME=VALUE ...]

Two transforms run, as they do on the server: AWS::LanguageExtensions
(Fn::ForEach), by cfn-lint, and AWS::Serverless-2016-10-31, by the SAM
translator. NAME=VALUE are parameters; they become the defaults. The result is
JSON on the standard output. No network, no credentials. --stage takes region
and parameters from samconfig.toml.

--code is the folder, s3://BUCKET/PREFIX, that holds NAME.zip for every
NAMEFunction. Without it, as for linting, a placeholder stands there.
"""

import argparse
import json
import os
import sys
import tomllib

import yaml

from cfnlint.decode import decode
from cfnlint.template import Template

# Private, hence the pinned version in .ci/deps; there is no public entrance.
from cfnlint.template.transforms._language_extensions import language_extension
from samtranslator.translator.transform import transform


HERE = os.path.dirname(os.path.abspath(__file__))


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
        number = declared[name]["Type"] == "Number"
        declared[name]["Default"] = int(value) if number else value
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
        if resource["Type"] == "AWS::Serverless::StateMachine":
            definition = os.path.join(os.path.dirname(path), resource["Properties"].pop("DefinitionUri"))
            with open(definition, encoding="utf-8") as f:
                resource["Properties"]["Definition"] = yaml.safe_load(f)
    return transform(out, values, NoManagedPolicies())


def stage_of(name):
    """The region and the parameters of a stage of samconfig.toml."""
    with open(os.path.join(HERE, "samconfig.toml"), "rb") as f:
        config = tomllib.load(f)
    if name not in config:
        sys.exit(f"expand.py: samconfig.toml has no stage {name}")
    deploy = config[name]["deploy"]["parameters"]
    return config[name]["global"]["parameters"].get("region"), deploy.get("parameter_overrides", [])


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--template", default=os.path.join(HERE, "template.yaml"))
    p.add_argument("--stage")
    p.add_argument("--region")
    p.add_argument("--code", default="s3://placeholder/code")
    p.add_argument("given", nargs="*", metavar="NAME=VALUE")
    args = p.parse_args()
    region, given = stage_of(args.stage) if args.stage else (None, [])
    region = args.region or region or "us-east-1"
    os.environ["AWS_DEFAULT_REGION"] = region  # the translator asks for it
    given = dict(g.split("=", 1) for g in [*given, *args.given])
    json.dump(expand(args.template, region, given, args.code), sys.stdout, indent=1, sort_keys=True)
    print()


if __name__ == "__main__":
    main()
