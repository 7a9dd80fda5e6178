"""A headless Chromium of the system, and axe-core; tests that need what is not there are skipped, and say so."""

import contextlib
import pathlib
import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = pathlib.Path(__file__).parents[2] / ".venv" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here: .ci/browser")
needs_axe = pytest.mark.skipif(not AXE.exists(), reason="there is no axe-core here: .ci/browser")


@contextlib.contextmanager
def chromium():
    """The browser."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def look_at(browser, path, *, width=1280, scheme="light"):
    """A page that has drawn its charts; at the end nothing may have gone wrong in it."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page = context.new_page()
    told = []
    page.on("console", lambda message: told.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: told.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (told.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: told.append(request.url) if not request.url.startswith("file:") else None)
    try:
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-charts=drawn][data-browser=open]")
        page.wait_for_selector(".list:not([hidden]) table")
        yield page
        assert not told
    finally:
        context.close()


def accessibility_faults(page):
    """What axe-core calls serious or critical, in words."""
    # By the debugger, as the policy of the page runs no other scripts.
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    found = page.evaluate("axe.run()")["violations"]
    return [
        f"{one['impact']}: {one['id']}: {node['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
