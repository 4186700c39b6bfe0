"""Training pairs and unsaved corrections of users: find, check, import, write."""
