// Tells what notebooks show (glnn/show/html.py) whether the page is light or dark, as the reader chose.
const tell = () => {
  const dark = document.body.getAttribute("data-md-color-scheme") === "slate";
  document.documentElement.setAttribute("theme", dark ? "dark" : "light");
};
new MutationObserver(tell).observe(document.body, {attributes: true, attributeFilter: ["data-md-color-scheme"]});
tell();
