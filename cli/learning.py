"""Learned models: `segue models`."""

from .common import app, print_table


@app.command()
def models() -> None:
    """List the learned models with their scores and licences."""
    from ..analysis.cards import list_cards, model_folders

    rows = []
    for card in list_cards(*model_folders()):
        first = next(iter(card.metrics), None)
        score = (
            f"{first.name} {first.value:.3f} [{first.low:.3f}, {first.high:.3f}]" if first else ""
        )
        rows.append(
            {
                "name": card.name,
                "task": card.task,
                "summary": card.summary,
                "score": score,
                "commercial_use": card.commercial_use,
            }
        )
    print_table(rows)
