"""What a person types: one module per noun, one function per verb."""
