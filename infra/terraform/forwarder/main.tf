# What a function needs for the forwarder: layers, variables, a policy. No provider and no resource: it fits any way of making
# functions. Names, values and permissions come from what the forwarder itself prints; what is not given is not set, so that the
# forwarder's own defaults hold.

terraform {
  required_version = ">= 1.5"
}

locals {
  # Beside the modules in a package, in the construct's folder in the repository.
  packaged    = "${path.module}/../../schema"
  folder      = fileexists("${local.packaged}/permissions.json") ? local.packaged : "${path.module}/../../construct/schema"
  schema      = jsondecode(file("${local.folder}/telemetry-forwarder.schema.json")).properties
  permissions = jsondecode(file("${local.folder}/permissions.json"))
  of_document = jsondecode(file("${local.folder}/document-permissions.json"))

  # Options with a name of their own, and those of a section such as `flush`: `flush.strategy`.
  sections = { for name, value in var.options : name => value if can(keys(value)) }
  given = merge(
    { for name, value in var.options : name => value if !can(keys(value)) && value != null },
    [for name, section in local.sections : { for key, value in section : "${name}.${key}" => value if value != null }]...
  )
  known = merge(
    { for name, option in local.schema : name => option if !can(option.properties) },
    [for name, option in local.schema : { for key, inner in option.properties : "${name}.${key}" => inner } if can(option.properties)]...
  )

  # What is for policies is no setting. A sink without a setting must be there all the same: its name is that of a type.
  only_policy = ["arn", "key_arn"]
  in_sinks    = merge([for name, sink in var.sinks : { for key, value in sink : "sinks.${name}.${key}" => value if !contains(local.only_policy, key) && value != null }]...)
  bare        = { for name, sink in var.sinks : "sinks.${name}.type" => name if length(setsubtract(keys(sink), local.only_policy)) == 0 }
  settings    = merge(local.given, local.in_sinks, local.bare)
  variables = merge(
    { for name, value in local.settings : "FORWARDER_${upper(replace(name, ".", "__"))}" => try(tostring(value), join(",", value)) },
    { for parameter in var.config_parameter[*] : "FORWARDER_CONFIG" => "ssm:${parameter.name}" }
  )

  # Mistakes: options that the forwarder does not have, and values that are not among those that may be.
  of_a_sink = values(local.schema.sinks.patternProperties)[0].properties
  choices   = { for name in keys(local.settings) : name => try(local.known[name].enum, local.of_a_sink[split(".", name)[2]].enum, []) }
  unknown   = [for name in keys(local.settings) : name if !contains(keys(local.known), name) && !can(local.of_a_sink[split(".", name)[2]])]
  invalid   = [for name, allowed in local.choices : "${name}: one of ${join(", ", allowed)}" if length(allowed) > 0 && !contains(allowed, local.settings[name])]

  types      = { for name, sink in var.sinks : name => contains(keys(sink), "type") ? sink.type : name }
  of_no_type = [for name, type in local.types : name if !contains(keys(local.permissions), type)]
  allowed    = { for name, type in local.types : name => try(local.permissions[type], { stream = [], key = [] }) }
  by_role    = [for name, sink in var.sinks : name if contains(keys(sink), "assume_role")]
  direct     = { for name, sink in var.sinks : name => sink if !contains(local.by_role, name) && length(local.allowed[name].stream) > 0 }
  needs_arn  = [for name, sink in local.direct : name if !contains(keys(sink), "arn") && !can(regex("^arn:", sink.stream))]
  statements = concat(
    [for name in local.by_role : { Effect = "Allow", Action = ["sts:AssumeRole"], Resource = var.sinks[name].assume_role }],
    [for name, sink in local.direct : { Effect = "Allow", Action = local.allowed[name].stream, Resource = contains(keys(sink), "arn") ? sink.arn : sink.stream }],
    [for name, sink in local.direct : { Effect = "Allow", Action = local.allowed[name].key, Resource = sink.key_arn }
    if contains(keys(sink), "key_arn") && try(sink.key_arn != null, false) && length(local.allowed[name].key) > 0],
    [for parameter in var.config_parameter[*] : { Effect = "Allow", Action = local.of_document.parameter, Resource = parameter.arn }],
    [for parameter in var.config_parameter[*] : { Effect = "Allow", Action = local.of_document.key, Resource = parameter.key_arn } if parameter.key_arn != null],
  )
}
