"""What the checker axe-core finds wrong with a page."""

from playwright.sync_api import Page

from tools import vendor

SERIOUS = ("serious", "critical")
RUN = 'async (within) => (await axe.run(within, { resultTypes: ["violations"] })).violations'


def violations(page: Page, within: str = "html") -> list[str]:
    """The serious violations in what ``within`` selects, a line for each."""
    page.evaluate(vendor.axe())
    return [
        f"{each['impact']} {each['id']}: {node['target'][-1]}: {' '.join(node['failureSummary'].split())[:300]}"
        for each in page.evaluate(RUN, within)
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]
