"""The choice of a layer, and how each rule does."""
