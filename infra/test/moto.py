"""A CloudFormation and a Kinesis on one machine: makes the stack of `template.yaml` and reads its stream.

    moto.py create ENDPOINT TEMPLATE DIST   makes the stack; prints, as JSON, the stream's name and description, the
                                            retention of its log groups, and the test function's variables
    moto.py read ENDPOINT STREAM            prints each record of the stream, a line each, as base64
"""

import base64
import json
import pathlib
import sys

import boto3
import yaml

REGION = "eu-west-1"
STACK = "telemetry"
BUCKET = "artifacts"
PREFIX = "v1/"
TAGS = {"CostCenter": "4711", "Environment": "test", "Application": "telemetry-forwarder", "Owner": "somebody"}

# What moto 5.2 stumbles over, by resource type; the rest of the template is made as it is.
NOT_FOR_MOTO = {
    # It takes a tag's `Key` for a `TagKey`, and answers 500.
    "AWS::KMS::Key": "Tags",
    # CloudFormation has their tags as a map; it takes them for a list.
    "AWS::SSM::Parameter": "Tags",
}


# It does not know alarms, and so cannot know what the dashboard says of them.
LEFT_OUT = "AWS::CloudWatch::Dashboard"


def for_moto(template):
    """The template without what moto cannot make."""
    template = yaml.safe_load(pathlib.Path(template).read_text())
    resources, outputs = template["Resources"], template["Outputs"]
    for name, resource in list(resources.items()):
        resource["Properties"].pop(NOT_FOR_MOTO.get(resource["Type"]), None)
        if resource["Type"] == LEFT_OUT:
            del resources[name]
            template["Outputs"] = {key: output for key, output in outputs.items() if output["Value"] != {"Ref": name}}
    return json.dumps(template)


def client(service, endpoint):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def create(endpoint, template, dist):
    s3 = client("s3", endpoint)
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for file in pathlib.Path(dist).glob("*.zip"):
        s3.put_object(Bucket=BUCKET, Key=PREFIX + file.name, Body=file.read_bytes())

    cloudformation = client("cloudformation", endpoint)
    parameters = {**TAGS, "ArtifactBucket": BUCKET, "ArtifactPrefix": PREFIX}
    cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=for_moto(template),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    name = outputs["StreamName"]
    stream = client("kinesis", endpoint).describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    function = client("lambda", endpoint).get_function_configuration(FunctionName=outputs["TestFunctionName"])
    parameters = client("ssm", endpoint).get_parameters_by_path(Path=f"/{STACK}", Recursive=True)["Parameters"]
    json.dump(
        {
            "status": stack["StackStatus"],
            "stream": name,
            "retentionHours": stream["RetentionPeriodHours"],
            "tags": {tag["Key"]: tag["Value"] for tag in client("kinesis", endpoint).list_tags_for_stream(StreamName=name)["Tags"]},
            "logRetention": sorted(
                group["retentionInDays"] for group in client("logs", endpoint).describe_log_groups()["logGroups"]
            ),
            "parameters": {parameter["Name"]: parameter["Value"] for parameter in parameters},
            "variables": function["Environment"]["Variables"],
            "runtime": function["Runtime"],
        },
        sys.stdout,
    )


def read(endpoint, name):
    kinesis = client("kinesis", endpoint)
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            answer = kinesis.get_records(ShardIterator=iterator)
            for record in answer["Records"]:
                print(base64.b64encode(record["Data"]).decode())
            iterator = answer["NextShardIterator"] if answer["Records"] else None


what, *arguments = sys.argv[1:]
if what == "create":
    create(*arguments)
elif what == "read":
    read(*arguments)
else:
    sys.exit(__doc__)
