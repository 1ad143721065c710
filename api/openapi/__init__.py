"""The OpenAPI document, made from what validates, what answers and what refuses."""
