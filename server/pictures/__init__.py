"""Pictures of performances and sounds, and pages made of them."""
