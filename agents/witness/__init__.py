"""A vision-language model as a witness: examined first, and believed for what that was worth."""
