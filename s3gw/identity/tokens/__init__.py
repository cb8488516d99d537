"""JSON Web Tokens: who signed one, whether it holds, and what its bearer may do."""
