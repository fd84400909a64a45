"""The stylesheet and the browser-side code, packaged as data."""
