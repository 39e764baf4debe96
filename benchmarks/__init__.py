"""Speed and size, measured side by side with peers: `segue bench NAME`."""
