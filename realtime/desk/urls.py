"""The addresses of what an agent needs."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
