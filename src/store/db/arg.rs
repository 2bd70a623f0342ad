//! Values on their way into a query and out of a row.

use sqlx::{Arguments, ColumnIndex, Database, Decode, Encode, Type};

use crate::store::StoreError;

/// A value that is bound to a query.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::store) enum Arg {
    Int(i64),
    MaybeInt(Option<i64>),
    Text(String),
    MaybeText(Option<String>),
    Bytes(Vec<u8>),
    MaybeBytes(Option<Vec<u8>>),
}

impl Arg {
    /// How many bytes it has, more or less.
    pub(in crate::store) fn size(&self) -> usize {
        match self {
            Arg::Text(text) | Arg::MaybeText(Some(text)) => text.len(),
            Arg::Bytes(bytes) | Arg::MaybeBytes(Some(bytes)) => bytes.len(),
            _ => size_of::<i64>(),
        }
    }
}

/// What a column holds, for [`super::Tx::rows`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Kind {
    Int,
    Text,
    Bytes,
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Arg::Int(value)
    }
}
impl From<Option<i64>> for Arg {
    fn from(value: Option<i64>) -> Self {
        Arg::MaybeInt(value)
    }
}
impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        value.to_owned().into()
    }
}
impl From<String> for Arg {
    fn from(value: String) -> Self {
        Arg::Text(storable(value))
    }
}
impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Self {
        Arg::MaybeText(value.map(storable))
    }
}
impl From<&[u8]> for Arg {
    fn from(value: &[u8]) -> Self {
        Arg::Bytes(value.to_vec())
    }
}

/// A text without NUL, which PostgreSQL does not store, and which means nothing in any text of ours.
fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

/// The values as a database's driver takes them.
pub(super) fn bound<D: Database>(args: Vec<Arg>) -> Result<D::Arguments, StoreError>
where
    i64: for<'q> Encode<'q, D> + Type<D>,
    Option<i64>: for<'q> Encode<'q, D> + Type<D>,
    String: for<'q> Encode<'q, D> + Type<D>,
    Option<String>: for<'q> Encode<'q, D> + Type<D>,
    Vec<u8>: for<'q> Encode<'q, D> + Type<D>,
    Option<Vec<u8>>: for<'q> Encode<'q, D> + Type<D>,
{
    let mut bound = D::Arguments::default();
    for arg in args {
        match arg {
            Arg::Int(value) => bound.add(value),
            Arg::MaybeInt(value) => bound.add(value),
            Arg::Text(value) => bound.add(value),
            Arg::MaybeText(value) => bound.add(value),
            Arg::Bytes(value) => bound.add(value),
            Arg::MaybeBytes(value) => bound.add(value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(bound)
}

/// A row's values.
pub(super) fn values<'r, R: sqlx::Row>(row: &'r R, kinds: &[Kind]) -> Result<Vec<Arg>, StoreError>
where
    usize: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    let value = |(at, kind): (usize, &Kind)| match kind {
        Kind::Int => Ok(Arg::from(row.try_get::<Option<i64>, _>(at)?)),
        Kind::Text => Ok(Arg::from(row.try_get::<Option<String>, _>(at)?)),
        Kind::Bytes => Ok(Arg::MaybeBytes(row.try_get(at)?)),
    };
    kinds.iter().enumerate().map(value).collect()
}
