"""From notes to written scores: grid, hands, spelling, engraving."""
