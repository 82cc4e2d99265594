"""What a browser asks for: the page, the documentation of the routes, the documents of the model."""
