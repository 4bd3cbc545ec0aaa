// Whatever scrolls can be reached and scrolled by the keyboard; what does not is no stop on the way.
document.addEventListener("DOMContentLoaded", () => {
  const scrolling = document.querySelectorAll("article pre, article .cell_output, article .text_html, article div.math");
  const look = (element) => {
    const style = getComputedStyle(element);
    const cut =
      (/auto|scroll/.test(style.overflowX) && element.scrollWidth > element.clientWidth) ||
      (/auto|scroll/.test(style.overflowY) && element.scrollHeight > element.clientHeight);
    if (cut) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  };
  const watch = new ResizeObserver((entries) => entries.forEach((entry) => look(entry.target)));
  scrolling.forEach((element) => watch.observe(element));
});
