variable "bucket" {
  description = "The name of an S3 bucket in the Region of the stack, to which the module copies template and zip."
  type        = string
}

variable "release" {
  description = "The path of the directory with the files of one release: template.yaml and the zips of the function."
  type        = string
}

variable "stack_name" {
  description = "The name of the stack."
  type        = string
  default     = "secret-replicator"
}

variable "key_prefix" {
  description = "The prefix of the keys in the bucket."
  type        = string
  default     = "secret-replicator/"
}

variable "tags" {
  description = "The tags of the stack, which CloudFormation copies to its resources."
  type        = map(string)
  default     = {}
}
