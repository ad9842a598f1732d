# The stack of a release: the template of CloudFormation is the only definition of its resources.

data "aws_s3_bucket" "this" {
  bucket = var.bucket
}

locals {
  zip      = "${var.release}/${one(fileset(var.release, "secret-replicator-*-${var.architecture}.zip"))}"
  template = "${var.release}/template.yaml"
  endpoint = trimprefix(data.aws_s3_bucket.this.bucket_regional_domain_name, "${var.bucket}.")
  files    = { zip = local.zip, template = local.template }
}

# The key contains a hash, because CloudFormation notices a new key only. The old object remains until the stack has
# changed: a rollback needs it.
resource "aws_s3_object" "this" {
  for_each = local.files

  bucket      = data.aws_s3_bucket.this.id
  key         = "${var.key_prefix}${substr(filesha256(each.value), 0, 16)}/${basename(each.value)}"
  source      = each.value
  source_hash = filesha256(each.value)

  lifecycle {
    create_before_destroy = true
  }
}

# By URL, because the template exceeds the size that CloudFormation accepts as text. In path style, as the AWS CLI does:
# the host of a bucket whose name contains dots has no valid certificate.
resource "aws_cloudformation_stack" "this" {
  name         = var.stack_name
  template_url = "https://${local.endpoint}/${var.bucket}/${aws_s3_object.this["template"].key}"
  parameters = merge(local.parameters, {
    CodeBucket = data.aws_s3_bucket.this.id
    CodeKey    = aws_s3_object.this["zip"].key
  })
  capabilities = ["CAPABILITY_IAM"]
  # A stack whose creation failed cannot be updated. CloudFormation keeps the events of a deleted stack for 90 days.
  on_failure = "DELETE"
  tags       = var.tags
}
