"""The plugin for the Serverless Framework, in osls: the page's commands in a fresh folder, and what each option makes."""

import json
import os
import shutil
import unittest

import yaml

import aws
import fresh

PAGE = "infra/serverless/README.md"
TEMPLATE = ".serverless/cloudformation-template-update-stack.json"


class Serverless(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.packages = fresh.packages(cls)
        cls.folder = fresh.folder(cls)
        cls.aws = cls.enterClassContext(aws.running())
        cls.environment = cls.aws.environment(SLS_NOTIFICATIONS_MODE="off", SLS_TELEMETRY_DISABLED="1")
        for package in cls.packages.glob("*.tgz"):
            package.rename(cls.folder / package.name)
        commands = fresh.commands(PAGE, "Ten minutes")
        cls.said = [fresh.run(command, cls.folder, cls.environment, shell=True) for command in commands]

    enterContext = classmethod(lambda cls, context: cls.enterClassContext(context))

    def test_the_page_in_a_fresh_folder(self):
        """Its last command deploys; moto has what was deployed."""
        function = self.aws.client("lambda").get_function_configuration
        checkout, search = (function(FunctionName=f"shop-dev-{name}") for name in ("checkout", "search"))
        # Moto forgets architecture and layers.
        template = json.loads((self.folder / TEMPLATE).read_text())["Resources"]
        self.assertEqual(template["CheckoutLambdaFunction"]["Properties"]["Architectures"], ["arm64"])
        for name, configuration, architecture in (("Checkout", checkout, "arm64"), ("Search", search, "x86_64")):
            (layer,) = template[f"{name}LambdaFunction"]["Properties"]["Layers"]
            layer = template[layer["Ref"]]
            self.assertEqual(layer["Properties"]["CompatibleArchitectures"], [architecture])
            self.assertEqual(layer["DeletionPolicy"], "Retain")
            variables = configuration["Environment"]["Variables"]
            self.assertEqual(variables["FORWARDER_SINKS__KINESIS__STREAM"], "telemetry")
            fresh.variables_are_right(self, variables)
        self.assertEqual(
            set(checkout["Environment"]["Variables"]), {"FORWARDER_SINKS__KINESIS__STREAM"}, "no default is repeated"
        )
        self.assertIn("function level>=error", search["Environment"]["Variables"]["FORWARDER_ROUTES"])
        self.assertNotIn("Layers", template["CleanupOrdersLambdaFunction"]["Properties"])

        (statement,) = [each for each in self.statements(template) if "kinesis:PutRecords" in each["Action"]]
        self.assertEqual(statement["Action"], fresh.permissions()["kinesis"]["stream"])
        arn = "arn:${AWS::Partition}:kinesis:${AWS::Region}:${AWS::AccountId}:stream/telemetry"
        self.assertEqual(statement["Resource"], {"Fn::Sub": arn})

    def statements(self, resources):
        return resources["IamRoleLambdaExecution"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]

    def package(self, status=0, **changes):
        """Packages the example with changes; what was said, and the template."""
        folder = fresh.folder(self)
        # Another one than is deployed: of that moto has no outputs, which osls asks for.
        service = {**yaml.safe_load((self.folder / "serverless.yml").read_text()), "service": "other"}
        for path, value in changes.items():
            *levels, last = path.split("__")
            inner = service
            for level in levels:
                inner = inner.setdefault(level, {})
            inner[last] = value
        (folder / "serverless.yml").write_text(json.dumps(service))
        shutil.copy(self.folder / "index.js", folder)
        os.symlink(self.folder / "node_modules", folder / "node_modules")
        said = fresh.run([folder / "node_modules/.bin/osls", "package"], folder, self.environment, status)
        return said, json.loads((folder / TEMPLATE).read_text()) if status == 0 else None

    def test_all_mistakes_are_refused_at_once(self):
        said, _ = self.package(
            status=1,
            custom__telemetryForwarder__envelope="slim",
            custom__telemetryForwarder__flush={"stratgey": "end"},
            functions__search__telemetryForwarder={"routes": "function level>=eror -> kinesis; * -> kinesys"},
            functions__checkout__environment={"FORWARDER_LOG": "debug"},
        )
        for mistake in (
            "full, lean, raw",
            "stratgey",
            "level>=eror",
            "kinesys",
            "FORWARDER_LOG is a variable of its own",
        ):
            self.assertIn(mistake, said)

    def test_a_stream_of_the_service_and_its_key(self):
        _, template = self.package(
            custom__telemetryForwarder__sinks={
                "kinesis": {"stream": {"Ref": "Telemetry"}, "keyArn": {"Fn::GetAtt": ["Key", "Arn"]}},
                "stdout": {"type": "stdout"},
            },
            functions__search__telemetryForwarder=True,
            resources={"Resources": {"Telemetry": {"Type": "AWS::Kinesis::Stream"}, "Key": {"Type": "AWS::KMS::Key"}}},
        )
        statements = self.statements(template["Resources"])
        allowed = fresh.permissions()["kinesis"]
        self.assertIn(
            {"Effect": "Allow", "Action": allowed["stream"], "Resource": {"Fn::GetAtt": ["Telemetry", "Arn"]}},
            statements,
        )
        self.assertIn(
            {"Effect": "Allow", "Action": allowed["key"], "Resource": {"Fn::GetAtt": ["Key", "Arn"]}}, statements
        )
        variables = template["Resources"]["CheckoutLambdaFunction"]["Properties"]["Environment"]["Variables"]
        self.assertEqual(variables["FORWARDER_SINKS__KINESIS__STREAM"], {"Ref": "Telemetry"})

    def test_a_document_that_steers_all_functions(self):
        key = "arn:aws:kms:eu-west-1:123456789012:key/1"
        _, template = self.package(
            custom__telemetryForwarder__configParameter="/telemetry/forwarder",
            custom__telemetryForwarder__configKeyArn=key,
            custom__telemetryForwarder__config_refresh="1m",
        )
        allowed, statements = fresh.permissions("document-permissions"), self.statements(template["Resources"])
        arn = {"Fn::Sub": "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/telemetry/forwarder"}
        self.assertIn({"Effect": "Allow", "Action": allowed["parameter"], "Resource": arn}, statements)
        self.assertIn({"Effect": "Allow", "Action": allowed["key"], "Resource": key}, statements)
        variables = template["Resources"]["CheckoutLambdaFunction"]["Properties"]["Environment"]["Variables"]
        self.assertEqual(variables["FORWARDER_CONFIG"], "ssm:/telemetry/forwarder")
        fresh.variables_are_right(self, variables)
        said, _ = self.package(status=1, custom__telemetryForwarder__configParameter="telemetry forwarder")
        self.assertIn("configParameter: must match pattern", said)
        said, _ = self.package(status=1, custom__telemetryForwarder__configKeyArn=key)
        self.assertIn("configKeyArn: there is nothing to decrypt", said)

    def test_what_cannot_have_it_is_left_out_and_named(self):
        layers = [f"arn:aws:lambda:eu-west-1:123456789012:layer:l{number}:1" for number in range(5)]
        said, template = self.package(
            functions__checkout__layers=layers,
            functions__search__role="arn:aws:iam::123456789012:role/theirs",
            functions__reader={"handler": "index.handler", "events": [{"stream": self.arn()}]},
            custom__telemetryForwarder__sinks={"kinesis": {"stream": self.arn()}},
            functions__boxed={"image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a@sha256:" + "0" * 64},
        )
        self.assertIn("checkout is left out: it has 5 layers", said)
        self.assertIn("reader is left out: it reads the stream that it would write to", said)
        self.assertIn("boxed is a container image", said)
        self.assertIn("search has a role of its own, which must allow", said)
        properties = {
            name: each["Properties"] for name, each in template["Resources"].items() if name.endswith("LambdaFunction")
        }
        self.assertEqual(properties["CheckoutLambdaFunction"]["Layers"], layers)
        self.assertNotIn("Layers", properties["ReaderLambdaFunction"])
        self.assertNotIn("Layers", properties["BoxedLambdaFunction"])
        self.assertIn("Environment", properties["BoxedLambdaFunction"])

    def test_a_service_with_none_is_told_so(self):
        said, _ = self.package(custom__telemetryForwarder__exclude=["*"])
        self.assertIn("it is on no function of this service", said)

    def arn(self):
        return "arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry"


if __name__ == "__main__":
    unittest.main()
