"""Swagger UI reads our own description, under a strict policy and with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.servers.workers import Site


@pytest.mark.timeout(300)
def test_the_api_can_be_read_and_tried_out_with_nothing_from_elsewhere(server: Site, contexts: Callable[..., BrowserContext]) -> None:
    page = contexts().new_page()
    page.set_default_timeout(60_000)  # it is a big page
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" and not said.text.startswith("Deprecated: ") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    answer = page.goto(f"{server.url}/api/docs#/support/support_settings_retrieve")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    call = page.locator("#operations-support-support_settings_retrieve")
    call.get_by_role("button", name="Execute").click()
    expect(call.locator(".live-responses-table tbody td.response-col_status")).to_contain_text("200", timeout=60_000)
    expect(call.locator(".live-responses-table")).to_contain_text("shopName")

    page.locator(".auth-wrapper .authorize").click()
    for credential in ("userToken", "customerToken", "serviceKey"):
        expect(page.locator(".dialog-ux")).to_contain_text(credential)
    assert complaints == []
    # What a page draws from its own text is no request to anybody.
    assert [url for url in asked if not url.startswith((f"{server.url}/", "data:", "blob:"))] == []
    assert any(url.endswith("/api/schema") for url in asked)
