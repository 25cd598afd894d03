//! The header of an NPY file: `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`, and what of it is understood.
//!
//! NumPy, *NEP 1: A Simple File Format for NumPy Arrays*, versions 1 to 3.

use super::bounded::{Problem, read_up_to};
use std::io::Read;

/// The most bytes of a header; NumPy writes 118, and more for records alone.
const MAX_HEADER: usize = 64 << 10;
/// The most axes, as NumPy has it.
const MAX_AXES: usize = 32;
/// The most bytes of one entry, which only a text can have.
const MAX_WIDTH: usize = 1 << 20;

/// What the entries are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Signed,
    Unsigned,
    Float,
    /// Text of four bytes a letter.
    Letters,
    /// Text of one byte a letter.
    Bytes,
}

/// A header that is understood.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub kind: Kind,
    /// Bytes of an entry.
    pub width: usize,
    pub big_endian: bool,
    /// Whether the first index runs fastest.
    pub fortran: bool,
    pub shape: Vec<usize>,
}

impl Header {
    /// What says how inputs are to be taken.
    pub fn shape_and_bytes(self) -> (Vec<usize>, bool) {
        (self.shape, self.width == 1 && matches!(self.kind, Kind::Bool | Kind::Unsigned))
    }

    /// Reads what comes before the numbers.
    pub fn read(reader: &mut impl Read) -> Result<Header, Problem> {
        let mut start = [0; 8];
        let got = read_up_to(reader, &mut start)?;
        if got < 8 || &start[..6] != b"\x93NUMPY" {
            let text = "not an NPY file: wants it to begin with the byte 147 and NUMPY; save it with np.save";
            return Err(Problem::Data(text.into()));
        }
        let width = match start[6] {
            1 => 2,
            2 | 3 => 4,
            other => return Err(Problem::Data(format!("wants NPY of version 1, 2 or 3, got version {other}"))),
        };
        let ends = || Problem::Data("ends within the header; it was cut short, take another copy".into());
        let mut length = [0; 4];
        if read_up_to(reader, &mut length[..width])? < width {
            return Err(ends());
        }
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_HEADER {
            return Err(Problem::Data(format!("wants a header of at most {MAX_HEADER} bytes, got {length}")));
        }
        let mut text = vec![0; length];
        if read_up_to(reader, &mut text)? < length {
            return Err(ends());
        }
        let text = String::from_utf8_lossy(&text);
        parse(&text).map_err(Problem::Data)
    }
}

/// The header's text, a Python dictionary of three fields in any order.
fn parse(text: &str) -> Result<Header, String> {
    let wrong = |what: &str| {
        let start: String = text.chars().take(120).collect();
        format!("the header is not as NumPy writes it ({what}): {}", start.trim().escape_debug())
    };
    let mut rest = Rest(text.trim());
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    rest.take("{").ok_or_else(|| wrong("wants a `{`"))?;
    while rest.take("}").is_none() {
        let name = rest.quoted().ok_or_else(|| wrong("wants a field's name"))?;
        rest.take(":").ok_or_else(|| wrong("wants a `:`"))?;
        match name {
            "descr" if rest.take("[").is_some() => {
                return Err(
                    "holds records (a structured dtype); save each field as an array of its own, such as x['age']"
                        .into(),
                );
            }
            "descr" => descr = Some(rest.quoted().ok_or_else(|| wrong("wants a dtype in quotes"))?),
            "fortran_order" => {
                let yes = rest.take("True").map(|()| true).or_else(|| rest.take("False").map(|()| false));
                fortran = Some(yes.ok_or_else(|| wrong("wants True or False"))?);
            }
            "shape" => shape = Some(rest.sizes().ok_or_else(|| wrong("wants a tuple of sizes"))?),
            _ => return Err(wrong("a field that NumPy does not have")),
        }
        if rest.take(",").is_none() && !rest.0.starts_with('}') {
            return Err(wrong("wants a `,`"));
        }
    }
    if !rest.0.is_empty() {
        return Err(wrong("more behind the `}`"));
    }
    let (Some(descr), Some(fortran), Some(shape)) = (descr, fortran, shape) else {
        return Err(wrong("wants descr, fortran_order and shape"));
    };
    if shape.len() > MAX_AXES {
        return Err(format!("wants at most {MAX_AXES} axes, got {}", shape.len()));
    }
    let (kind, width, big_endian) = dtype(descr)?;
    Ok(Header { kind, width, big_endian, fortran, shape })
}

/// Kind, width and byte order of a dtype such as `<f8`.
fn dtype(descr: &str) -> Result<(Kind, usize, bool), String> {
    let (order, letter) = match descr.strip_prefix(['<', '>', '|', '=']) {
        Some(rest) => (descr.as_bytes()[0], rest),
        None => (b'<', descr),
    };
    let number = letter.get(1..).and_then(|digits| digits.parse::<usize>().ok());
    let kind = match (letter.as_bytes().first(), number) {
        (Some(b'O'), _) => {
            return Err("holds Python objects (dtype=object), which are pickles and would have to be run to be read; \
                        save x.astype(np.float32), or y.astype(str) for names"
                .into());
        }
        (Some(b'b'), Some(1)) => Kind::Bool,
        (Some(b'i'), Some(1 | 2 | 4 | 8)) => Kind::Signed,
        (Some(b'u'), Some(1 | 2 | 4 | 8)) => Kind::Unsigned,
        (Some(b'f'), Some(2 | 4 | 8)) => Kind::Float,
        (Some(b'U'), Some(1..)) => Kind::Letters,
        (Some(b'S'), Some(1..)) => Kind::Bytes,
        _ => {
            let name = match letter.as_bytes().first() {
                Some(b'c') => ": complex numbers; save x.real and x.imag side by side",
                Some(b'M' | b'm') => ": dates; save days as np.float32, or use a CSV file, whose dates are understood",
                Some(b'f') => ": long doubles; save x.astype(np.float32)",
                _ => "; save x.astype(np.float32)",
            };
            let descr: String = descr.chars().take(40).collect();
            return Err(format!("wants bool, int, uint, float or str, got the dtype {}{name}", descr.escape_debug()));
        }
    };
    let width = number.expect("every kind has a width");
    let width = if kind == Kind::Letters { width.saturating_mul(4) } else { width };
    if width > MAX_WIDTH {
        return Err(format!("wants entries of at most {MAX_WIDTH} bytes, got {width}"));
    }
    Ok((kind, width, order == b'>'))
}

/// What is left to parse; every `take` also takes the spaces behind.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn take(&mut self, word: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?.trim_start();
        Some(())
    }

    /// A string in quotes, without escapes.
    fn quoted(&mut self) -> Option<&'a str> {
        let quote = self.0.chars().next().filter(|&c| c == '\'' || c == '"')?;
        let (inside, rest) = self.0[1..].split_once(quote)?;
        self.0 = rest.trim_start();
        (!inside.contains('\\')).then_some(inside)
    }

    /// A tuple of numbers: `()`, `(3,)`, `(3, 4)`; Python 2 wrote `3L`.
    fn sizes(&mut self) -> Option<Vec<usize>> {
        self.take("(")?;
        let mut sizes = Vec::new();
        while self.take(")").is_none() {
            let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
            sizes.push(self.0[..digits].parse().ok()?);
            self.0 = self.0[digits..].strip_prefix('L').unwrap_or(&self.0[digits..]).trim_start();
            if self.take(",").is_none() && !self.0.starts_with(')') {
                return None;
            }
        }
        Some(sizes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_numpy_writes_is_understood() {
        let header = parse("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }       \n").unwrap();
        let wanted = Header { kind: Kind::Float, width: 8, big_endian: false, fortran: false, shape: vec![3, 4] };
        assert_eq!(header, wanted);
        let header = parse("{'shape': (7L,), \"descr\": '>U3', 'fortran_order': True}").unwrap();
        assert_eq!(header, Header { kind: Kind::Letters, width: 12, big_endian: true, fortran: true, shape: vec![7] });
        assert_eq!(parse("{'descr': '|b1', 'fortran_order': False, 'shape': ()}").unwrap().shape, [] as [usize; 0]);
    }

    #[test]
    fn what_it_does_not_is_refused_with_advice() {
        let with = |descr: &str, shape: &str| {
            parse(&format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}")).unwrap_err()
        };
        for (error, words) in [
            (with("'|O'", "(2,)"), "Python objects (dtype=object)"),
            (with("[('a', '<f4'), ('b', '<i4')]", "(2,)"), "records (a structured dtype)"),
            (with("'<c16'", "(2,)"), "got the dtype <c16: complex numbers"),
            (with("'<M8[D]'", "(2,)"), "dates"),
            (with("'<f16'", "(2,)"), "long doubles"),
            (with("'<S0'", "(2,)"), "got the dtype <S0"),
            (with("'<U99999999'", "(2,)"), "at most 1048576 bytes"),
            (with("'<f4'", "(99999999999999999999,)"), "a tuple of sizes"),
            (with("'<f4'", "(-1,)"), "a tuple of sizes"),
            (with("'<f4'", "(2 3)"), "a tuple of sizes"),
            (with("'<f4'", &format!("({})", "1,".repeat(40))), "at most 32 axes, got 40"),
            (with("__import__('os')", "(2,)"), "a dtype in quotes"),
            (parse("{'descr': '<f4'}").unwrap_err(), "wants descr, fortran_order and shape"),
            (parse("{'descr': '<f4' 'x'").unwrap_err(), "wants a `,`"),
            (parse("").unwrap_err(), "wants a `{`"),
        ] {
            assert!(error.contains(words), "wants {words:?} in {error:?}");
        }
    }
}
