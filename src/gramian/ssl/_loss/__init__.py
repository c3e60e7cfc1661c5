"""The FroSSL loss: terms, gradient in closed form, views, ranks."""
