output "layers" {
  description = "For `layers` of aws_lambda_function and of terraform-aws-modules/lambda."
  value       = [lookup(var.layer_arns, var.architecture, "")]
  precondition {
    condition     = contains(keys(var.layer_arns), var.architecture)
    error_message = "There is no layer for ${var.architecture} in layer_arns."
  }
}

output "environment" {
  description = "For `environment.variables` of aws_lambda_function, and `environment_variables` of terraform-aws-modules/lambda."
  value       = local.variables
  precondition {
    condition     = length(local.unknown) == 0
    error_message = "The forwarder has no option ${join(", ", local.unknown)}: docs/CONTRACT.md lists them."
  }
  precondition {
    condition     = length(local.invalid) == 0
    error_message = "Not allowed: ${join("; ", local.invalid)}."
  }
  precondition {
    condition     = length(local.of_no_type) == 0
    error_message = "Sink ${join(", ", local.of_no_type)}: give `type`, one of ${join(", ", keys(local.permissions))}."
  }
}

output "policy_json" {
  description = "For a policy of the function's role: what the sinks need, and nothing else."
  value       = jsonencode({ Version = "2012-10-17", Statement = local.statements })
  precondition {
    condition     = length(local.needs_arn) == 0
    error_message = "Sink ${join(", ", local.needs_arn)}: give `arn`, the ARN of what it writes to, beside the name in `stream`."
  }
}
