//! One self-contained HTML page: sections of prose, figures, tables and listings, with everything it needs inside, so that
//! it opens from a file, offline, in light and dark, on a phone and on paper.

use std::path::Path;

use limpide::Error;
use limpide::files::write_atomically;

use crate::chart::svg::escape;
use crate::chart::{Figure, Table, theme};

/// A page under construction.
pub struct Page {
    title: String,
    lead: String,
    notices: String,
    sections: Vec<Section>,
}

/// A section of a page under construction.
///
/// In prose an empty line parts paragraphs, `` `backquotes` `` enclose code and `**stars**` what is strong.
pub struct Section {
    title: String,
    body: String,
    files: Vec<(String, Vec<u8>)>,
}

impl Section {
    /// A section that begins with some words.
    pub fn new(title: &str, words: &str) -> Section {
        Section { title: title.into(), body: prose(words), files: Vec::new() }
    }

    /// Adds prose.
    pub fn text(mut self, words: &str) -> Section {
        self.body.push_str(&prose(words));
        self
    }

    /// Adds a figure with its caption.
    pub fn figure(self, figure: &Figure, caption: &str) -> Section {
        self.figures(&[(figure, caption)])
    }

    /// Adds figures side by side where there is room.
    pub fn figures(mut self, figures: &[(&Figure, &str)]) -> Section {
        self.body.push_str(if figures.len() > 1 { "<div class=\"row\">\n" } else { "" });
        for (figure, caption) in figures {
            self.body.push_str(&format!(
                "<figure id=\"figure-{}\"><div class=\"drawing\">{}</div><figcaption>{}</figcaption></figure>\n",
                escape(&figure.name),
                figure.inline(),
                inline_prose(caption)
            ));
            self.files.extend(figure.files());
        }
        self.body.push_str(if figures.len() > 1 { "</div>\n" } else { "" });
        self
    }

    /// Adds a table.
    pub fn table(mut self, table: &Table) -> Section {
        self.body.push_str(&table.html());
        self
    }

    /// Adds console output as it was printed, which also becomes the file `NAME.txt`.
    pub fn listing(mut self, name: &str, caption: &str, lines: &str) -> Section {
        self.files.push((format!("{name}.txt"), lines.as_bytes().to_vec()));
        self.body.push_str(&format!(
            "<figure class=\"listing\" id=\"figure-{}\"><pre tabindex=\"0\"><code>{}</code></pre><figcaption>{}</figcaption></figure>\n",
            escape(name),
            escape(lines),
            inline_prose(caption)
        ));
        self
    }

    fn html(&self, id: &str) -> String {
        format!(
            "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{}</h2>\n{}</section>\n",
            escape(&self.title),
            self.body
        )
    }
}

impl Page {
    /// An empty page, in English.
    pub fn new(title: &str) -> Page {
        Page { title: title.into(), lead: String::new(), notices: String::new(), sections: Vec::new() }
    }

    /// Sets the words below the title.
    pub fn lead(mut self, words: &str) -> Page {
        self.lead = format!("<div class=\"lead\">{}</div>\n", prose(words));
        self
    }

    /// Adds a box above everything else, for what a reader must know before the figures.
    pub fn notice(mut self, words: &str) -> Page {
        self.notices.push_str(&format!("<aside class=\"notice\" role=\"note\">{}</aside>\n", prose(words)));
        self
    }

    /// Adds a section; it appears in the table of contents.
    pub fn section(mut self, section: Section) -> Page {
        self.sections.push(section);
        self
    }

    /// The whole page.
    pub fn render(&self) -> String {
        let title = escape(&self.title);
        let ids = self.ids();
        let named = || ids.iter().zip(&self.sections);
        let entries: String = named()
            .map(|(id, section)| format!("<li><a href=\"#{id}\">{}</a></li>\n", escape(&section.title)))
            .collect();
        let contents = match self.sections.len() {
            0 => String::new(),
            _ => format!("<nav aria-label=\"Contents\"><h2>Contents</h2>\n<ol>\n{entries}</ol></nav>\n"),
        };
        let body: String = named().map(|(id, section)| section.html(id)).collect();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>{title}</title>\n\
             <style>\n{}{STYLE}</style>\n</head>\n<body>\n<header><h1>{title}</h1>\n{}</header>\n\
             {contents}<main>\n{}{body}</main>\n</body>\n</html>\n",
            theme::page_style(),
            self.lead,
            self.notices,
        )
    }

    /// Writes every figure's files and then `index.html` into a folder that is there.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        for (name, bytes) in self.sections.iter().flat_map(|section| &section.files) {
            write_atomically(&folder.join(name), bytes)?;
        }
        write_atomically(&folder.join("index.html"), self.render().as_bytes())
    }

    /// An address for each section: its title in small letters and hyphens, with a number where it is taken.
    fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for section in &self.sections {
            let words: Vec<String> = section
                .title
                .split(|c: char| !c.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .map(str::to_lowercase)
                .collect();
            let stem = if words.is_empty() { "section".into() } else { words.join("-") };
            let numbered = (1..).map(|n| if n == 1 { stem.clone() } else { format!("{stem}-{n}") });
            let free = numbered.into_iter().find(|id| !ids.contains(id)).expect("there are enough numbers");
            ids.push(free);
        }
        ids
    }
}

/// Paragraphs.
fn prose(words: &str) -> String {
    let paragraphs = words.split("\n\n").map(str::trim).filter(|p| !p.is_empty());
    paragraphs.map(|p| format!("<p>{}</p>\n", inline_prose(p))).collect()
}

/// `` `code` `` and `**strong**` in escaped text; a mark without its partner stays as it is. A number keeps its % in its line.
fn inline_prose(words: &str) -> String {
    let plain = |words: &str| escape(words).replace(" %", "\u{a0}%");
    let mut html = String::new();
    let mut rest = words;
    while let Some((mark, at)) =
        ["`", "**"].into_iter().filter_map(|mark| Some((mark, rest.find(mark)?))).min_by_key(|(_, at)| *at)
    {
        let inside = &rest[at + mark.len()..];
        html.push_str(&plain(&rest[..at]));
        match inside.find(mark) {
            Some(end) => {
                let inner = &inside[..end];
                html.push_str(&match mark {
                    "`" => format!("<code>{}</code>", escape(inner)),
                    _ => format!("<strong>{}</strong>", plain(inner)),
                });
                rest = &inside[end + mark.len()..];
            }
            None => {
                html.push_str(mark);
                rest = inside;
            }
        }
    }
    html + &plain(rest)
}

const STYLE: &str = include_str!("page.css");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::check::assert_well_formed;
    use crate::chart::{Boundary, Cell, ColourMap, Confusion, Grid, ImageGrid, LineChart, Scatter, Tile, numbered};

    fn demo() -> Page {
        let line = LineChart::new("epoch", "loss").series("train", numbered(&[1.0, 0.5])).figure("line", "a \"line\"");
        let scatter = Scatter::new("x", "y").class("a", vec![(0.0, 1.0)]).figure("scatter", "points");
        let grid = Grid::new((0.0, 1.0), (0.0, 1.0), 2, 2);
        let boundary = Boundary::new("x", "y", grid, vec![0.0, 1.0, 0.0, 1.0]).figure("boundary", "a boundary");
        let confusion = Confusion::new(&["a"], vec![vec![1]]).figure("confusion", "counts");
        let tiles = vec![Tile::new(2, 2, vec![0.0, 0.3, 0.6, 1.0])];
        let images = ImageGrid::new(2, ColourMap::Grey(0.0, 1.0)).group("o", tiles).figure("images", "digits");
        Page::new("A <title> & more")
            .lead("With `code < 1` and **strong**.")
            .notice("MNIST was not found.\n\nTo get it: `limpide data fetch mnist`")
            .section(
                Section::new("Moons & more", "First.\n\nSecond & last.")
                    .figures(&[(&line, "**(a)** loss"), (&scatter, "(b)")]),
            )
            .section(
                Section::new("Moons, more!", "")
                    .figures(&[(&boundary, "c"), (&confusion, "d")])
                    .figure(&images, "e")
                    .table(&Table::new("t", &["a", "b"]).row(vec!["x".into(), Cell::Passed(true)]))
                    .listing("list", "The listing", "a < b\n  PASSED"),
            )
    }

    #[test]
    fn a_percent_sign_stays_with_its_number_but_not_in_what_is_copied() {
        let html = inline_prose("96.40 % of **100 %**, `--split 10 %`");
        assert_eq!(html, "96.40\u{a0}% of <strong>100\u{a0}%</strong>, <code>--split 10 %</code>");
    }

    #[test]
    fn the_page_is_well_formed_and_fetches_nothing() {
        let html = demo().render();
        assert_well_formed(html.trim_start_matches("<!DOCTYPE html>\n"));
        assert!(html.contains("<title>A &lt;title&gt; &amp; more</title>"));
        assert!(html.contains("aria-label=\"a &quot;line&quot;\""));
        for outside in ["http:", "https:", "src=", "@import", "<script", "<link", "@font-face"] {
            assert!(!html.contains(outside), "{outside} in the page");
        }
        let inside = |address: &&str| address.starts_with('#') || address.starts_with("data:image/png;base64,");
        assert!(html.split("href=\"").skip(1).all(|rest| inside(&rest)), "an address outside the page");
    }

    #[test]
    fn the_contents_lead_to_each_section_once() {
        let html = demo().render();
        for id in ["moons-more", "moons-more-2"] {
            assert_eq!(html.matches(&format!("href=\"#{id}\"")).count(), 1);
            assert_eq!(html.matches(&format!("id=\"{id}\"")).count(), 1);
        }
    }

    #[test]
    fn prose_knows_code_strong_and_paragraphs_and_nothing_else() {
        assert_eq!(
            prose("a `b<c` **d**\n\n<e>\n\n"),
            "<p>a <code>b&lt;c</code> <strong>d</strong></p>\n<p>&lt;e&gt;</p>\n"
        );
        assert_eq!(inline_prose("2 ** 3 and ` alone"), "2 ** 3 and ` alone");
        assert_eq!(inline_prose("`a**b**c`"), "<code>a**b**c</code>");
    }

    #[test]
    fn writing_puts_every_figure_beside_the_page() {
        let folder = tempfile::tempdir().unwrap();
        demo().write(folder.path()).unwrap();
        let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        let expected = [
            "boundary.svg",
            "confusion.svg",
            "images.png",
            "images.svg",
            "index.html",
            "line.svg",
            "list.txt",
            "scatter.svg",
        ];
        assert_eq!(names, expected);
        for name in expected.iter().filter(|name| name.ends_with(".svg")) {
            assert_well_formed(&std::fs::read_to_string(folder.path().join(name)).unwrap());
        }
        assert!(demo().write(&folder.path().join("none")).unwrap_err().to_string().contains("none"));
    }

    #[test]
    fn an_empty_page_is_a_page() {
        assert_well_formed(Page::new("").render().trim_start_matches("<!DOCTYPE html>\n"));
    }
}
