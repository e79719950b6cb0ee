"""Views of notebooks: pictures, tensors, plans, kernels, charts."""
