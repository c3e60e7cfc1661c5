"""From texts to the vectors of every stream: readings, the reader with its one forward pass, the store."""
