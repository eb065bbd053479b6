"""SAM: the page's commands in a fresh folder, and what the functions are then."""

import json
import unittest

import boto3
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

import aws
import fresh

PAGE = "infra/sam/README.md"


def transformed(text):
    """What CloudFormation makes of a SAM template."""
    session = boto3.Session(region_name="eu-west-1")
    return Translator({}, Parser(), boto_session=session).translate(yaml_parse(text), {})


class Sam(unittest.TestCase):
    def test_the_page_in_a_fresh_folder(self):
        packages, folder = fresh.packages(self), fresh.folder(self)
        server = self.enterContext(aws.running())
        environment = server.environment(SAM_CLI_TELEMETRY="0")
        for package in packages.glob("*.tar.gz"):
            package.rename(folder / package.name)
        server.client("s3").create_bucket(
            Bucket="my-artifacts", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        commands = fresh.commands(PAGE, "Ten minutes")
        # Moto does not transform: what `sam deploy` would hand over is handed over by this test.
        tried = [command for command in commands if not command.startswith("sam deploy")]
        self.assertEqual(len(tried), len(commands) - 1)
        for command in tried:
            fresh.run(command, folder, environment, shell=True)

        packaged = yaml_parse((folder / "packaged.yaml").read_text())
        template = transformed((folder / "packaged.yaml").read_text())
        nested = packaged["Resources"]["Forwarder"]["Properties"]["Location"]
        layers = self.layers_of(server, nested)
        self.assertEqual(sorted(layers), ["arm64", "x86_64"])

        properties = {
            name: resource["Properties"]
            for name, resource in template["Resources"].items()
            if resource["Type"] == "AWS::Lambda::Function"
        }
        expected = {"Checkout": ("arm64", "LayerArm64Arn"), "Search": ("x86_64", "LayerX8664Arn")}
        self.assertEqual(set(properties), set(expected))
        for name, (architecture, output) in expected.items():
            self.assertEqual(properties[name]["Architectures"], [architecture])
            self.assertEqual(properties[name]["Layers"], [{"Fn::GetAtt": ["Forwarder", f"Outputs.{output}"]}])
            variables = properties[name]["Environment"]["Variables"]
            self.assertEqual(variables["FORWARDER_SINKS__KINESIS__STREAM"], {"Ref": "StreamName"})
            fresh.variables_are_right(self, {**variables, "FORWARDER_SINKS__KINESIS__STREAM": "telemetry"})
            (arn,) = [
                arn
                for arn in template["Resources"][f"{name}Role"]["Properties"]["ManagedPolicyArns"]
                if isinstance(arn, dict) and "Fn::GetAtt" in arn
            ]
            self.assertEqual(arn, {"Fn::GetAtt": ["Forwarder", "Outputs.WritePolicyArn"]})

    def layers_of(self, server, url):
        """Makes the nested stack in moto; the layers of it, and that its zips are ours."""
        key = url.split("/my-artifacts/")[1]
        text = server.client("s3").get_object(Bucket="my-artifacts", Key=key)["Body"].read().decode()
        template = transformed(text)
        cloudformation = server.client("cloudformation")
        stream = "arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry"
        key = "arn:aws:kms:eu-west-1:123456789012:key/1"
        parameter = "arn:aws:ssm:eu-west-1:123456789012:parameter/telemetry/forwarder"
        given = {
            "StreamArn": stream,
            "KeyArn": key,
            "ConfigParameter": "/telemetry/forwarder",
            "ConfigKeyArn": key,
        }
        cloudformation.create_stack(
            StackName="shop-Forwarder",
            TemplateBody=json.dumps(template, default=str),
            # Moto takes no list with an `AWS::NoValue` in it, so there is everything.
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        (stack,) = cloudformation.describe_stacks(StackName="shop-Forwarder")["Stacks"]
        self.assertEqual(stack["StackStatus"], "CREATE_COMPLETE")
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        iam = server.client("iam")
        version = iam.get_policy_version(PolicyArn=outputs["WritePolicyArn"], VersionId="v1")["PolicyVersion"]
        statements = version["Document"]["Statement"]
        expected = [
            ("kinesis:PutRecords", stream),
            ("kms:GenerateDataKey", key),
            ("ssm:GetParameter", parameter),
            ("kms:Decrypt", key),
        ]
        self.assertEqual([(each["Action"], each["Resource"]) for each in statements], expected)
        found = {}
        # Moto forgets a layer's name and architecture.
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Lambda::LayerVersion":
                self.assertEqual(resource["DeletionPolicy"], "Retain")
                (architecture,) = resource["Properties"]["CompatibleArchitectures"]
                content = resource["Properties"]["Content"]
                uploaded = (
                    server.client("s3").get_object(Bucket=content["S3Bucket"], Key=content["S3Key"])["Body"].read()
                )
                zip = fresh.ROOT / f"infra/fixtures/dist/telemetry-forwarder-{architecture}.zip"
                self.assertEqual(uploaded, zip.read_bytes())
                found[architecture] = resource
        return found

    def test_the_alias_follows_the_layer(self):
        """Without `AutoPublishAliasAllProperties` a new layer would never be behind the alias."""
        text = (
            (fresh.ROOT / "infra/sam/example/template.yaml").read_text().replace("CodeUri: src/", "CodeUri: s3://a/b")
        )

        def version(text):
            resources = transformed(text)["Resources"]
            return [name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Version"]

        other = text.replace("Forwarder.Outputs.LayerArm64Arn", "Other.Outputs.LayerArm64Arn")
        self.assertNotEqual(version(text), version(other))

    def test_permissions_are_those_of_the_one_list(self):
        policy = yaml_parse((fresh.ROOT / "infra/sam/template.yaml").read_text())["Resources"]["WritePolicy"]
        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        stream, key, parameter, parameter_key = (statement["Fn::If"][1] for statement in statements)
        allowed = fresh.permissions()
        (_, firehose, kinesis) = stream["Action"]["Fn::If"]
        self.assertEqual(([firehose], [kinesis]), (allowed["firehose"]["stream"], allowed["kinesis"]["stream"]))
        self.assertEqual([key["Action"]], allowed["kinesis"]["key"])
        allowed = fresh.permissions("document-permissions")
        self.assertEqual(([parameter["Action"]], [parameter_key["Action"]]), (allowed["parameter"], allowed["key"]))


if __name__ == "__main__":
    unittest.main()
