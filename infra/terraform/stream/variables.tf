variable "name" {
  description = "The name of the stream, and what those of layers and alarms begin with."
  type        = string
}

variable "architectures" {
  description = "The layers to publish."
  type        = list(string)
  default     = ["x86_64", "arm64"]
}

variable "layers_folder" {
  description = "Where telemetry-forwarder-x86_64.zip and telemetry-forwarder-arm64.zip are; by default those of the package."
  type        = string
  default     = null
}

variable "shard_count" {
  description = "Shards of a provisioned stream; without it the stream is on demand."
  type        = number
  default     = null
}

variable "retention_hours" {
  description = "How long the stream keeps records, 24 to 8760 hours."
  type        = number
  default     = 24
}

variable "key_arn" {
  description = "A customer managed key to encrypt the stream with; without it the key of Kinesis."
  type        = string
  default     = null
}

variable "alarm_actions" {
  description = "ARNs that alarms notify, such as of an SNS topic."
  type        = list(string)
  default     = []
}

variable "iterator_age_minutes" {
  description = "How far a reader may be behind before the alarm."
  type        = number
  default     = 60
}

variable "tags" {
  description = "Tags of stream and alarms."
  type        = map(string)
  default     = {}
}
