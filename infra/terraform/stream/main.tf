# A stream for telemetry, the layers, and alarms on the stream.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

resource "aws_kinesis_stream" "this" {
  name             = var.name
  retention_period = var.retention_hours
  encryption_type  = "KMS"
  kms_key_id       = var.key_arn == null ? "alias/aws/kinesis" : var.key_arn
  tags             = var.tags
  # Without a number of shards the stream grows with what is written.
  shard_count = var.shard_count
  stream_mode_details {
    stream_mode = var.shard_count == null ? "ON_DEMAND" : "PROVISIONED"
  }
}

resource "aws_lambda_layer_version" "this" {
  for_each                 = toset(var.architectures)
  layer_name               = "${var.name}-forwarder-${each.key}"
  description              = "Sends logs, metrics and platform events to streams"
  filename                 = "${coalesce(var.layers_folder, "${path.module}/../../layers")}/telemetry-forwarder-${each.key}.zip"
  source_code_hash         = filebase64sha256("${coalesce(var.layers_folder, "${path.module}/../../layers")}/telemetry-forwarder-${each.key}.zip")
  compatible_architectures = [each.key]
  license_info             = "MIT OR Apache-2.0"
  # Versions of functions still name the layer that a new one takes the place of.
  skip_destroy = true
}

resource "aws_cloudwatch_metric_alarm" "throttled" {
  alarm_name          = "${var.name}-throttled-writes"
  alarm_description   = "The stream refuses writes: nothing is lost yet. More shards, on demand, or compression."
  namespace           = "AWS/Kinesis"
  metric_name         = "WriteProvisionedThroughputExceeded"
  dimensions          = { StreamName = aws_kinesis_stream.this.name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "iterator_age" {
  alarm_name          = "${var.name}-iterator-age"
  alarm_description   = "A reader is behind: what is older than the retention is lost to it."
  namespace           = "AWS/Kinesis"
  metric_name         = "GetRecords.IteratorAgeMilliseconds"
  dimensions          = { StreamName = aws_kinesis_stream.this.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  threshold           = var.iterator_age_minutes * 60000
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  tags                = var.tags
}
