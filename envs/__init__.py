"""The worlds agents learn in: Gymnasium environments over music state."""
