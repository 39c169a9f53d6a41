//! Values, as they go into a statement and come out of a row.

use rusqlite::ToSql;
use rusqlite::types::{Null, ToSqlOutput, ValueRef};

use crate::StoreError;

/// A value in a column: every number is a 64-bit one in both databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell<'r> {
    Null,
    Int(i64),
    Text(&'r str),
    Blob(&'r [u8]),
    /// Text that nobody else keeps.
    Owned(String),
}

impl Cell<'_> {
    /// What it is, for errors.
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Int(_) => "a number",
            Self::Text(_) | Self::Owned(_) => "a text",
            Self::Blob(_) => "bytes",
        }
    }
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => Null.into(),
            Self::Int(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Owned(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

macro_rules! from_number {
    ($($number:ty),+) => {$(
        impl From<$number> for Cell<'_> {
            fn from(number: $number) -> Self {
                Self::Int(i64::from(number))
            }
        }
    )+};
}

from_number!(i64, i32, u32, u16, u8, bool);

impl<'r> From<&'r str> for Cell<'r> {
    fn from(text: &'r str) -> Self {
        Self::Text(text)
    }
}

impl<'r> From<&'r String> for Cell<'r> {
    fn from(text: &'r String) -> Self {
        Self::Text(text)
    }
}

impl<'r> From<&'r Box<str>> for Cell<'r> {
    fn from(text: &'r Box<str>) -> Self {
        Self::Text(text)
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Owned(text)
    }
}

impl<'r> From<&'r [u8]> for Cell<'r> {
    fn from(bytes: &'r [u8]) -> Self {
        Self::Blob(bytes)
    }
}

impl<'r, const N: usize> From<&'r [u8; N]> for Cell<'r> {
    fn from(bytes: &'r [u8; N]) -> Self {
        Self::Blob(bytes)
    }
}

impl<'r> From<&'r Vec<u8>> for Cell<'r> {
    fn from(bytes: &'r Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl<'r, T: Into<Cell<'r>>> From<Option<T>> for Cell<'r> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What a value is instead of what it should be.
#[derive(Debug)]
pub(crate) struct Unfit(String);

impl From<Unfit> for StoreError {
    fn from(unfit: Unfit) -> Self {
        Self::Corrupt(unfit.0)
    }
}

/// What a column can be read as.
pub(crate) trait Column: Sized {
    /// Reads it, or says what it is instead.
    fn read(cell: Cell<'_>) -> Result<Self, Unfit>;
}

fn number(cell: &Cell<'_>) -> Result<i64, Unfit> {
    match cell {
        Cell::Int(number) => Ok(*number),
        other => Err(Unfit(format!("{} instead of a number", other.kind()))),
    }
}

macro_rules! column_number {
    ($($number:ty),+) => {$(
        impl Column for $number {
            fn read(cell: Cell<'_>) -> Result<Self, Unfit> {
                let number = number(&cell)?;
                Self::try_from(number).map_err(|_| Unfit(format!("{number} is out of range")))
            }
        }
    )+};
}

column_number!(i64, i32, u32, u16, u8);

impl Column for bool {
    fn read(cell: Cell<'_>) -> Result<Self, Unfit> {
        Ok(number(&cell)? != 0)
    }
}

impl<'r> Cell<'r> {
    pub(crate) fn as_str(&self) -> Result<&'r str, Unfit> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(Unfit(format!("{} instead of a text", other.kind()))),
        }
    }

    pub(crate) fn as_str_or_null(&self) -> Result<Option<&'r str>, Unfit> {
        if *self == Self::Null { Ok(None) } else { self.as_str().map(Some) }
    }

    pub(crate) fn as_blob(&self) -> Result<&'r [u8], Unfit> {
        match self {
            Self::Blob(bytes) => Ok(bytes),
            other => Err(Unfit(format!("{} instead of bytes", other.kind()))),
        }
    }
}

impl Column for String {
    fn read(cell: Cell<'_>) -> Result<Self, Unfit> {
        cell.as_str().map(str::to_owned)
    }
}

impl Column for Vec<u8> {
    fn read(cell: Cell<'_>) -> Result<Self, Unfit> {
        cell.as_blob().map(<[u8]>::to_vec)
    }
}

impl Column for Box<[u8]> {
    fn read(cell: Cell<'_>) -> Result<Self, Unfit> {
        cell.as_blob().map(Into::into)
    }
}

impl<const N: usize> Column for [u8; N] {
    fn read(cell: Cell<'_>) -> Result<Self, Unfit> {
        let bytes = cell.as_blob()?;
        bytes.try_into().map_err(|_| Unfit(format!("{} bytes instead of {N}", bytes.len())))
    }
}

impl<T: Column> Column for Option<T> {
    fn read(cell: Cell<'_>) -> Result<Self, Unfit> {
        if cell == Cell::Null { Ok(None) } else { T::read(cell).map(Some) }
    }
}

/// A statement's parameters, in order.
pub(crate) trait Params {
    fn with<T>(self, ask: impl FnOnce(&[Cell<'_>]) -> T) -> T;
}

impl Params for () {
    fn with<T>(self, ask: impl FnOnce(&[Cell<'_>]) -> T) -> T {
        ask(&[])
    }
}

impl Params for &[Cell<'_>] {
    fn with<T>(self, ask: impl FnOnce(&[Cell<'_>]) -> T) -> T {
        ask(self)
    }
}

impl<'p, P: Into<Cell<'p>>, const N: usize> Params for [P; N] {
    fn with<T>(self, ask: impl FnOnce(&[Cell<'_>]) -> T) -> T {
        ask(&self.map(Into::into))
    }
}

macro_rules! params_tuple {
    ($($name:ident)+) => {
        impl<'p, $($name: Into<Cell<'p>>),+> Params for ($($name,)+) {
            #[allow(non_snake_case, reason = "the types' names serve as the values'")]
            fn with<T>(self, ask: impl FnOnce(&[Cell<'_>]) -> T) -> T {
                let ($($name,)+) = self;
                ask(&[$($name.into()),+])
            }
        }
    };
}

params_tuple!(A B);
params_tuple!(A B C);
params_tuple!(A B C D);
params_tuple!(A B C D E);
params_tuple!(A B C D E F);
