output "stack_id" {
  description = "The ARN of the stack."
  value       = aws_cloudformation_stack.this.id
}

output "outputs" {
  description = "The outputs of the stack by name, for instance FunctionName and RoleArn."
  value       = aws_cloudformation_stack.this.outputs
}
