"""A provider for Terraform with the arguments of AWS's own (aws_provider.json), which makes nothing.

Terraform checks a configuration against the schema of a provider: with this one it does so for real, without a network. What AWS
would fill in is made up at `apply`, so that plans and outputs are whole.
"""

import json
import pathlib

import msgpack
from tf import runner
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

RESOURCES = json.loads((pathlib.Path(__file__).parent / "aws_provider.json").read_text())["resources"]
UNKNOWN = msgpack.ExtType(0, b"\x00")


def block_of(described):
    attributes = [
        pb.Schema.Attribute(
            name=name,
            type=json.dumps(attribute["type"]).encode(),
            required=attribute.get("required", False),
            optional="required" in attribute and not attribute["required"],
            computed=attribute.get("computed", False),
        )
        for name, attribute in described["attributes"].items()
    ]
    nested = [
        pb.Schema.NestedBlock(
            type_name=name, block=block_of(inner), nesting=getattr(pb.Schema.NestedBlock.NestingMode, inner["nesting"])
        )
        for name, inner in described["blocks"].items()
    ]
    return pb.Schema.Block(attributes=attributes, block_types=nested)


def read(value):
    return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False) if value.msgpack else None


def write(value):
    return pb.DynamicValue(msgpack=msgpack.packb(value))


def filled(kind, state, made_up):
    """The state with what AWS would fill in."""
    for name, attribute in RESOURCES[kind]["attributes"].items():
        if attribute.get("computed") and (state.get(name) is None or state[name] == UNKNOWN):
            state[name] = made_up(kind, state, name, attribute["type"])
    return state


def invent(kind, state, name, of_type):
    named = next((state[key] for key in ("function_name", "layer_name", "name") if state.get(key)), "one")
    if of_type == "number":
        return 1
    if of_type != "string":
        return {} if of_type[0] == "map" else []
    service = kind.removeprefix("aws_").split("_")[0]
    return f"arn:aws:{service}:eu-west-1:123456789012:{named}" if name == "arn" else f"{named}-{name}"


class Provider(rpc.ProviderServicer):
    def GetMetadata(self, request, context):
        return pb.GetMetadata.Response(
            server_capabilities=pb.ServerCapabilities(plan_destroy=False),
            resources=[pb.GetMetadata.ResourceMetadata(type_name=name) for name in RESOURCES],
        )

    def GetProviderSchema(self, request, context):
        return pb.GetProviderSchema.Response(
            provider=pb.Schema(block=pb.Schema.Block()),
            resource_schemas={name: pb.Schema(version=0, block=block_of(each)) for name, each in RESOURCES.items()},
        )

    def ValidateProviderConfig(self, request, context):
        return pb.ValidateProviderConfig.Response()

    def ConfigureProvider(self, request, context):
        return pb.ConfigureProvider.Response()

    def ValidateResourceConfig(self, request, context):
        return pb.ValidateResourceConfig.Response()

    def UpgradeResourceState(self, request, context):
        return pb.UpgradeResourceState.Response(upgraded_state=write(json.loads(request.raw_state.json)))

    def ReadResource(self, request, context):
        return pb.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request, context):
        proposed = read(request.proposed_new_state)
        if proposed is not None:
            proposed = filled(request.type_name, proposed, lambda *_: UNKNOWN)
        return pb.PlanResourceChange.Response(planned_state=write(proposed))

    def ApplyResourceChange(self, request, context):
        planned = read(request.planned_state)
        if planned is not None:
            planned = filled(request.type_name, planned, invent)
        return pb.ApplyResourceChange.Response(new_state=write(planned))

    def StopProvider(self, request, context):
        return pb.StopProvider.Response()


if __name__ == "__main__":
    # The package has a provider's handshake, and makes the servant of a description; here it is one already.
    import tf.provider

    tf.provider.ProviderServicer = lambda provider: provider
    runner.run_provider(Provider())
