"""JSON Web Tokens: signers, verification, and the rights of their bearers."""
