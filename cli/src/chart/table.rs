//! HTML tables: words to the left, numbers to the right, verdicts with a sign and a word.

use super::svg::escape;

/// What stands in a cell.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number with its unit, as it is to be read: `97.92 %`.
    Number(String),
    /// A name or a command, as it is typed.
    Code(String),
    /// Whether a target was reached.
    Passed(bool),
    /// Whether a check was passed, with its figure.
    Checked(bool, String),
    /// Nothing to say here.
    Nothing,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.into())
    }
}

impl Cell {
    /// A number as it is to be read.
    pub fn number(text: impl Into<String>) -> Cell {
        Cell::Number(text.into())
    }

    fn html(&self, tag: &str) -> String {
        match self {
            Cell::Text(text) => format!("<{tag}>{}</{tag}>", escape(text)),
            Cell::Number(text) => match text.split_once(" (") {
                None => format!("<{tag} class=\"number\">{}</{tag}>", escape(text)),
                // A remark, `(epoch 3)`, has a line of its own where the page is narrow.
                Some((number, remark)) => format!(
                    "<{tag} class=\"number\">{} <span class=\"remark\">({}</span></{tag}>",
                    escape(number),
                    escape(remark)
                ),
            },
            // Code stays on a line; a command may go on with its next option.
            Cell::Code(text) => {
                format!("<{tag}><code>{}</code></{tag}>", escape(text).replace(" --", "</code> <code>--"))
            }
            Cell::Passed(true) => format!("<{tag} class=\"passed\">✓ passed</{tag}>"),
            Cell::Checked(true, figure) => format!("<{tag} class=\"passed\">✓ {}</{tag}>", escape(figure)),
            Cell::Checked(false, figure) => format!("<{tag} class=\"missed\">✗ {}</{tag}>", escape(figure)),
            Cell::Passed(false) => format!("<{tag} class=\"missed\">✗ missed</{tag}>"),
            Cell::Nothing => format!("<{tag} class=\"number\">–</{tag}>"),
        }
    }
}

/// Columns beyond which remarks stand below their numbers on every page.
const WIDE: usize = 4;

/// A table with a caption.
pub struct Table {
    caption: String,
    header: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub fn new(caption: &str, header: &[&str]) -> Table {
        Table { caption: caption.into(), header: header.iter().map(|h| h.to_string()).collect(), rows: Vec::new() }
    }

    /// Adds a row; its first cell names it. Missing cells at the end are left empty.
    pub fn row(mut self, cells: Vec<Cell>) -> Table {
        self.rows.push(cells);
        self
    }

    /// The table in a box that scrolls when the page is too narrow for it.
    pub fn html(&self) -> String {
        let is_number = |column: usize| self.rows.iter().any(|row| matches!(row.get(column), Some(Cell::Number(_))));
        let header: String = (self.header.iter().enumerate())
            .map(|(i, h)| {
                let class = if is_number(i) { " class=\"number\"" } else { "" };
                format!("<th scope=\"col\"{class}>{}</th>", escape(h))
            })
            .collect();
        let mut body = String::new();
        for row in &self.rows {
            body.push_str("<tr>");
            for column in 0..self.header.len() {
                let cell = row.get(column).unwrap_or(&Cell::Nothing);
                body.push_str(&match column {
                    0 => cell.html("th").replacen("<th", "<th scope=\"row\"", 1),
                    _ => cell.html("td"),
                });
            }
            body.push_str("</tr>\n");
        }
        let caption = escape(&self.caption);
        let wide = if self.header.len() > WIDE { " wide" } else { "" };
        format!(
            "<figure class=\"table\"><figcaption>{caption}</figcaption>\n\
             <div class=\"scroll{wide}\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\"><table>\n\
             <thead><tr>{header}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div></figure>\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::check::assert_well_formed;

    #[test]
    fn cells_are_escaped_and_aligned_by_kind() {
        let html = Table::new("Results & \"targets\"", &["experiment", "ours", "passed"])
            .row(vec!["a < b".into(), Cell::number("97.9 %"), Cell::Passed(true)])
            .row(vec!["short".into()])
            .row(vec!["c".into(), Cell::Nothing, Cell::Passed(false)])
            .html();
        assert_well_formed(&html);
        assert!(html.contains("<th scope=\"row\">a &lt; b</th><td class=\"number\">97.9 %</td>"), "{html}");
        assert!(html.contains("<th scope=\"col\" class=\"number\">ours</th>") && html.contains("✗ missed"));
        assert!(
            html.contains("<th scope=\"row\">short</th><td class=\"number\">–</td><td class=\"number\">–</td>"),
            "{html}"
        );
    }

    #[test]
    fn a_remark_behind_a_number_can_stand_below_it() {
        let html = Table::new("", &["", ""]).row(vec!["a".into(), Cell::number("90.00 % (epoch 3)")]).html();
        assert_well_formed(&html);
        assert!(html.contains("<td class=\"number\">90.00 % <span class=\"remark\">(epoch 3)</span></td>"), "{html}");
    }

    #[test]
    fn a_command_goes_on_with_its_next_option_and_nowhere_else() {
        let html =
            Table::new("", &["", ""]).row(vec!["a".into(), Cell::Code("run a-b --seed 1 --set x=<1>".into())]).html();
        assert_well_formed(&html);
        assert!(
            html.contains("<td><code>run a-b</code> <code>--seed 1</code> <code>--set x=&lt;1&gt;</code></td>"),
            "{html}"
        );
    }
}
