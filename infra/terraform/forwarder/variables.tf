variable "sinks" {
  description = "Sinks by name, with the settings of the configuration file (docs/CONTRACT.md), such as { kinesis = { stream = \"telemetry\", arn = aws_kinesis_stream.telemetry.arn } }. `arn`: what the function may write to, where `stream` is a name. `key_arn`: the key that the stream is encrypted with, if it is yours."
  type        = any
  validation {
    condition     = length(keys(var.sinks)) > 0
    error_message = "Give at least one sink, such as { kinesis = { stream = aws_kinesis_stream.telemetry.arn } }."
  }
}

variable "options" {
  description = "Further settings, as the configuration file has them: { routes = \"…\", flush = { strategy = \"end\" } }."
  type        = any
  default     = {}
}

variable "config_parameter" {
  description = "A parameter of Systems Manager that steers functions while they run, such as { name = aws_ssm_parameter.forwarder.name, arn = aws_ssm_parameter.forwarder.arn }. `key_arn`: the key that it is encrypted with, if it is yours."
  type        = object({ name = string, arn = string, key_arn = optional(string) })
  default     = null
  validation {
    condition     = var.config_parameter == null || can(regex("^[A-Za-z0-9_./-]+$", var.config_parameter.name))
    error_message = "The name of a parameter has letters, digits, and _ . - / alone."
  }
}

variable "layer_arns" {
  description = "The published layer for each architecture: { x86_64 = \"arn:…\", arm64 = \"arn:…\" }. The module `stream` publishes them."
  type        = map(string)
}

variable "architecture" {
  description = "The architecture of the function: x86_64 or arm64."
  type        = string
  default     = "x86_64"
  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "Lambda has x86_64 and arm64."
  }
}
