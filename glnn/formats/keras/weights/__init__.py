"""Which stored weight is whose: names as Keras writes them, places in a model, and the layers that get them."""
