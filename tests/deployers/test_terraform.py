"""Terraform itself on the modules, against a provider that takes what AWS's own takes and makes nothing."""

import json
import os
import pathlib
import sys
import unittest

import fresh

HERE = pathlib.Path(__file__).resolve().parent
PAGE = "infra/terraform/README.md"


class Terraform(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.packages = fresh.packages(cls)
        cls.programs = fresh.folder(cls)
        program(cls.programs / "terraform-provider-aws", HERE / "aws_provider.py")
        # Modules are fetched, but not a provider: the registry is elsewhere.
        program(cls.programs / "terraform", HERE / "terraform.py", '"$PWD"', before='[ "$1" != init ] || set -- get')
        rc = cls.programs / "terraform.rc"
        rc.write_text(
            f'provider_installation {{\n  dev_overrides {{ "hashicorp/aws" = "{cls.programs}" }}\n  direct {{}}\n}}\n'
        )
        cls.environment = {**os.environ, "TF_CLI_CONFIG_FILE": str(rc), "CHECKPOINT_DISABLE": "1"}

    enterContext = classmethod(lambda cls, context: cls.enterClassContext(context))

    def run_in(self, folder, command, status=0):
        # `fresh.run` sets the path: ours is before it.
        return fresh.run(f'PATH="{self.programs}:$PATH"; {command}', folder, self.environment, status, shell=True)

    def unpacked(self):
        folder = fresh.folder(self)
        (package,) = self.packages.glob("*.tar.gz")
        os.link(package, folder / package.name)
        return folder

    def outputs(self, folder, arguments, status=0):
        """What the module `forwarder` puts out for these arguments, or what Terraform said where it refuses them."""
        (folder / "main.tf").write_text(
            'module "forwarder" {\n  source = "./telemetry-forwarder/terraform/forwarder"\n'
            '  layer_arns = { x86_64 = "arn:aws:lambda:eu-west-1:123456789012:layer:l:1" }\n'
            f'{arguments}\n}}\noutput "all" {{\n  value = module.forwarder\n}}\n'
        )
        self.run_in(folder, "terraform init")
        said = self.run_in(folder, "terraform apply -auto-approve -input=false", status)
        if status != 0:
            return said
        return json.loads((folder / "terraform.tfstate").read_text())["outputs"]["all"]["value"]

    def test_the_page_in_a_fresh_folder(self):
        folder = self.unpacked()
        commands = fresh.commands(PAGE, "Ten minutes")
        for command in commands:
            self.run_in(folder, command)
        state = json.loads((folder / "terraform.tfstate").read_text())
        made = {
            (each["type"], each["name"]): [it["attributes"] for it in each["instances"]] for each in state["resources"]
        }
        (function,) = made["aws_lambda_function", "checkout"]
        layers = {
            layer["compatible_architectures"][0]: layer["arn"] for layer in made["aws_lambda_layer_version", "this"]
        }
        self.assertEqual(sorted(layers), ["arm64", "x86_64"])
        self.assertEqual(function["layers"], [layers["arm64"]])
        (environment,) = function["environment"]
        self.assertEqual(
            environment["variables"],
            {
                "FORWARDER_SINKS__KINESIS__STREAM": "telemetry",
                "FORWARDER_FLUSH__STRATEGY": "end",
                "FORWARDER_ROUTES": "function level>=error -> kinesis; platform.report -> kinesis; * -> drop",
            },
        )
        fresh.variables_are_right(self, environment["variables"])
        (stream,) = made["aws_kinesis_stream", "this"]
        (policy,) = made["aws_iam_role_policy", "telemetry"]
        (statement,) = json.loads(policy["policy"])["Statement"]
        self.assertEqual(statement["Action"], fresh.permissions()["kinesis"]["stream"])
        self.assertEqual(statement["Resource"], stream["arn"])
        self.assertEqual(len([kind for kind, _ in made if kind == "aws_cloudwatch_metric_alarm"]), 2)

    def test_the_formatting(self):
        folder = self.unpacked()
        self.run_in(folder, "tar xzf *.tar.gz")
        self.run_in(folder, "terraform fmt -check -recursive -diff")

    def test_every_kind_of_sink_and_its_permissions(self):
        folder = self.unpacked()
        self.run_in(folder, "tar xzf *.tar.gz")
        stream, key = "arn:aws:kinesis:eu-west-1:123456789012:stream/t", "arn:aws:kms:eu-west-1:123456789012:key/1"
        firehose, role = (
            "arn:aws:firehose:eu-west-1:123456789012:deliverystream/t",
            "arn:aws:iam::123456789012:role/writer",
        )
        all_of_them = self.outputs(
            folder,
            f"""  sinks = {{
                kinesis = {{ stream = "t", arn = "{stream}", key_arn = "{key}", format = "json" }}
                firehose = {{ stream = "{firehose}" }}
                stdout = {{}}
                far = {{ type = "kinesis", stream = "{stream}", assume_role = "{role}" }}
              }}
              options = {{ redact = ["email", "ipv4"], buffer = {{ max_bytes = 4000000 }}, routes = "* -> kinesis" }}""",
        )
        allowed = fresh.permissions()
        self.assertCountEqual(
            [(each["Action"], each["Resource"]) for each in json.loads(all_of_them["policy_json"])["Statement"]],
            [
                (allowed["kinesis"]["stream"], stream),
                (allowed["kinesis"]["key"], key),
                (allowed["firehose"]["stream"], firehose),
                (["sts:AssumeRole"], role),
            ],
        )
        variables = all_of_them["environment"]
        self.assertEqual(variables["FORWARDER_SINKS__STDOUT__TYPE"], "stdout")
        self.assertEqual(variables["FORWARDER_REDACT"], "email,ipv4")
        self.assertEqual(variables["FORWARDER_BUFFER__MAX_BYTES"], "4000000")
        self.assertFalse([name for name in variables if "ARN" in name])
        fresh.variables_are_right(self, variables)

    def test_a_document_that_steers_all_functions(self):
        folder = self.unpacked()
        self.run_in(folder, "tar xzf *.tar.gz")
        stream, key = "arn:aws:kinesis:eu-west-1:123456789012:stream/t", "arn:aws:kms:eu-west-1:123456789012:key/1"
        parameter = "arn:aws:ssm:eu-west-1:123456789012:parameter/telemetry/forwarder"
        made = self.outputs(
            folder,
            f"""  sinks = {{ kinesis = {{ stream = "{stream}" }} }}
              options = {{ config_refresh = "1m" }}
              config_parameter = {{ name = "/telemetry/forwarder", arn = "{parameter}", key_arn = "{key}" }}""",
        )
        allowed = fresh.permissions("document-permissions")
        self.assertEqual(
            [(each["Action"], each["Resource"]) for each in json.loads(made["policy_json"])["Statement"]][1:],
            [(allowed["parameter"], parameter), (allowed["key"], key)],
        )
        self.assertEqual(made["environment"]["FORWARDER_CONFIG"], "ssm:/telemetry/forwarder")
        fresh.variables_are_right(self, made["environment"])

    def test_mistakes_are_refused_at_plan(self):
        folder = self.unpacked()
        self.run_in(folder, "tar xzf *.tar.gz")
        right = 'sinks = { kinesis = { stream = "arn:aws:kinesis:eu-west-1:123456789012:stream/t" } }'
        for arguments, expected in (
            (f'{right}\noptions = {{ flush = {{ stratgey = "end" }} }}', "no option flush.stratgey"),
            (f'{right}\noptions = {{ envelope = "slim" }}', "envelope: one of full, lean, raw"),
            ('sinks = { kinesis = { stream = "t" } }', "give `arn`"),
            (
                'sinks = { kinesis = { strem = "t", arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/t" } }',
                "sinks.kinesis.strem",
            ),
            ('sinks = { other = { stream = "arn:aws:kinesis:eu-west-1:123456789012:stream/t" } }', "give `type`"),
            ("sinks = {}", "at least one sink"),
            (f'{right}\nconfig_parameter = {{ name = "a b", arn = "arn:a" }}', "letters, digits"),
            (f'{right}\narchitecture = "arm64"', "no layer for arm64"),
        ):
            with self.subTest(expected):
                said = " ".join(self.outputs(folder, arguments, status=1).split())
                self.assertIn(expected, said)


def program(path, script, *arguments, before=""):
    path.write_text(f'#!/bin/sh\n{before}\nexec "{sys.executable}" "{script}" {" ".join(arguments)} "$@"\n')
    path.chmod(0o755)


if __name__ == "__main__":
    unittest.main()
