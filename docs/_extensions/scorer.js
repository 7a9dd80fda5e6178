"use strict";

/*
 * How the search orders what it finds; Sphinx puts this in front of its searchtools.js.
 *
 * Sphinx gives a page the score of the best word of the query: 15 for one in a heading, 5 for one in the text. So of a
 * query of several words one decides. Here a page gets the mean over all words, where a word in the title of the page
 * counts more than one in another heading, and the link leads to the heading that has the most of the words.
 */
var Scorer = {
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  heading: 12,
  term: 5,
  partialTerm: 2,

  score: (result) => {
    const [docname, title, , , score, , kind] = result;
    const words = Scorer._words(new URLSearchParams(window.location.search).get("q") || "");
    if (kind !== SearchResultKind.text || words.length === 0) return score;
    const ofTitle = new Set(Scorer._words(title));
    let best = { text: null, anchor: "", found: new Set() };
    for (const [text, places] of Object.entries(Search._index.alltitles)) {
      const headings = new Set(Scorer._words(text));
      const found = new Set(words.filter((word) => headings.has(word)));
      for (const [file, anchor] of places)
        if (Search._index.docnames[file] === docname && anchor && found.size > best.found.size)
          best = { text, anchor, found };
    }
    const inTitle = words.filter((word) => ofTitle.has(word)).length;
    if (best.found.size > inTitle) {
      result[1] = `${title} > ${best.text}`;
      result[2] = "#" + best.anchor;
    }
    const worth = (word) =>
      ofTitle.has(word) ? Scorer.title : best.found.has(word) ? Scorer.heading : Scorer.term;
    return words.reduce((sum, word) => sum + worth(word), 0) / words.length;
  },

  // Words as they are compared: GumbelApproxNDCGLoss is four, and an ending does not count.
  _words: (text) => {
    const stemmer = new Stemmer();
    const parts = text
      .replace(/([a-z])([A-Z])/g, "$1 $2")
      .replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2")
      .toLowerCase()
      .split(/[^a-z0-9]+/);
    const kept = parts.filter((part) => part && !/^\d+$/.test(part) && !stopwords.has(part));
    return [...new Set(kept.map((part) => stemmer.stemWord(part)))];
  },
};
