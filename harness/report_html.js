"use strict";
// What the page can do beyond what it does without a script: search, open and close all, and open
// the play that the address names.
(function () {
    const plays = Array.from(document.querySelectorAll(".play"));
    const search = document.getElementById("search");
    const shown = document.getElementById("shown");
    const none = document.querySelector(".none");
    const texts = new Map();

    function text(play) {
        if (!texts.has(play)) texts.set(play, play.textContent.toLowerCase());
        return texts.get(play);
    }
    function visible() {
        return plays.filter((play) => getComputedStyle(play).display !== "none");
    }
    function update() {
        const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
        for (const play of plays)
            play.hidden = !words.every((word) => text(play).includes(word));
        const count = visible().length;
        shown.textContent = words.length ? count + (count === 1 ? " play" : " plays") : "";
        none.hidden = count > 0 || plays.length === 0;
    }
    function openAll(open) {
        for (const play of visible()) play.open = open;
    }
    function follow() {
        const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
        if (!target || !target.classList.contains("play")) return;
        document.getElementById("show-all").checked = true;
        target.open = true;
        target.scrollIntoView();
        update();
    }

    search.addEventListener("input", update);
    for (const radio of document.querySelectorAll("[name=show]"))
        radio.addEventListener("change", update);
    document.getElementById("open").addEventListener("click", () => openAll(true));
    document.getElementById("close").addEventListener("click", () => openAll(false));
    document.addEventListener("keydown", (event) => {
        if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target === search) return;
        event.preventDefault();
        search.focus();
    });
    window.addEventListener("hashchange", follow);
    document.querySelector(".script").hidden = false;
    follow();
    update();
})();
