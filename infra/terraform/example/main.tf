# A stream, the layers, and a function with the forwarder.

variable "function_zip" {
  type    = string
  default = "function.zip"
}

module "stream" {
  source = "./telemetry-forwarder/terraform/stream"
  name   = "telemetry"
}

module "forwarder" {
  source       = "./telemetry-forwarder/terraform/forwarder"
  architecture = "arm64"
  layer_arns   = module.stream.layer_arns
  sinks        = { kinesis = module.stream.sink }
  options = {
    routes = "function level>=error -> kinesis; platform.report -> kinesis; * -> drop"
    flush  = { strategy = "end" }
  }
}

resource "aws_lambda_function" "checkout" {
  function_name    = "checkout"
  filename         = var.function_zip
  source_code_hash = filebase64sha256(var.function_zip)
  handler          = "index.handler"
  runtime          = "nodejs22.x"
  architectures    = ["arm64"]
  role             = aws_iam_role.checkout.arn
  layers           = module.forwarder.layers
  environment {
    variables = module.forwarder.environment
  }
}

resource "aws_iam_role" "checkout" {
  name = "checkout"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "telemetry" {
  name   = "telemetry"
  role   = aws_iam_role.checkout.name
  policy = module.forwarder.policy_json
}
