output "stream_name" {
  value = aws_kinesis_stream.this.name
}

output "stream_arn" {
  value = aws_kinesis_stream.this.arn
}

output "sink" {
  description = "For `sinks` of the module `forwarder`: { kinesis = module.stream.sink }."
  value       = { stream = aws_kinesis_stream.this.name, arn = aws_kinesis_stream.this.arn, key_arn = var.key_arn }
}

output "layer_arns" {
  description = "The layer of each architecture."
  value       = { for architecture, layer in aws_lambda_layer_version.this : architecture => layer.arn }
}
