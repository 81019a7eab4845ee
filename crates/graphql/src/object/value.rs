//! Values of fields: scalars, enums and lists of them.

use async_graphql::registry::Registry;
use async_graphql::resolver_utils::EnumType;
use async_graphql::{ID, OutputType, ScalarType as _};
use khabar_executor::{LevelFuture, Nulled, ObjectField, Output, ResolvedField, json};

use super::{Call, FieldResolver, ReadContext};
use crate::error::{Code, Error, Result};
use crate::scalar::{Date, DateTime, Html, Language, Slug, Url, write_time};

/// A value that is written as JSON.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value of the schema",
    note = "a field that leads to objects returns their key (`LoadOne`, `LoadMany`, `LoadPage`), or `Nested`, `Owned` or `Shared`"
)]
pub(crate) trait FieldValue {
    /// Adds the type to the schema, and returns its name.
    fn type_info(registry: &mut Registry) -> String;

    /// Appends the value as JSON.
    fn write(&self, text: &mut Vec<u8>);

    /// The least number of bytes of a large value, which is charged before it is written. Used by values of
    /// `async fn`s only.
    fn size_hint(&self) -> usize {
        0
    }

    /// Returns an error to report beside the value. Used by values of `async fn`s only.
    fn failure(&self) -> Option<&Error> {
        None
    }
}

impl<T: FieldValue + ?Sized> FieldValue for &T {
    fn type_info(registry: &mut Registry) -> String {
        T::type_info(registry)
    }

    fn write(&self, text: &mut Vec<u8>) {
        T::write(self, text);
    }
}

impl<T: FieldValue> FieldValue for Option<T> {
    fn type_info(registry: &mut Registry) -> String {
        nullable(T::type_info(registry))
    }

    fn write(&self, text: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(text),
            None => json::null(text),
        }
    }
}

impl<T: FieldValue> FieldValue for [T] {
    fn type_info(registry: &mut Registry) -> String {
        format!("[{}]!", T::type_info(registry))
    }

    fn write(&self, text: &mut Vec<u8>) {
        json::list(self, text, T::write);
    }
}

impl<T: FieldValue> FieldValue for Vec<T> {
    fn type_info(registry: &mut Registry) -> String {
        <[T]>::type_info(registry)
    }

    fn write(&self, text: &mut Vec<u8>) {
        self.as_slice().write(text);
    }
}

/// Returns the name of a type without the mark of non-null types.
pub(crate) fn nullable(mut name: String) -> String {
    if name.ends_with('!') {
        name.pop();
    }
    name
}

/// Declares how scalars are written.
macro_rules! scalars {
    ($($ty:ty: |$value:ident, $text:ident| $write:expr;)+) => {
        $(impl FieldValue for $ty {
            fn type_info(registry: &mut Registry) -> String {
                <$ty as OutputType>::create_type_info(registry)
            }

            fn write(&self, $text: &mut Vec<u8>) {
                let $value = self;
                $write
            }
        })+
    };
}

scalars! {
    str: |value, text| json::string(value, text);
    String: |value, text| json::string(value, text);
    bool: |value, text| json::boolean(*value, text);
    i32: |value, text| json::integer((*value).into(), text);
    f64: |value, text| json::float(*value, text);
    ID: |value, text| json::string(value, text);
    Slug: |value, text| json::string(value.0.as_str(), text);
    Url: |value, text| json::string(value.0.as_str(), text);
    Html: |value, text| json::string(&value.0, text);
    Language: |value, text| json::string(value.0.as_str(), text);
    DateTime: |value, text| write_time(value.0, text);
    Date: |value, text| match value.to_value() {
        async_graphql::Value::String(date) => json::string(&date, text),
        _ => json::null(text),
    };
}

/// Declares how types of the domain are written, each as a scalar of the API.
macro_rules! domain_types {
    ($($ty:ty as $scalar:ty;)+) => {
        $(impl FieldValue for $ty {
            fn type_info(registry: &mut Registry) -> String {
                <$scalar as OutputType>::create_type_info(registry)
            }

            fn write(&self, text: &mut Vec<u8>) {
                json::string(self.as_str(), text);
            }
        })+
    };
}

domain_types! {
    khabar_domain::Slug as Slug;
    khabar_domain::WebUrl as Url;
    khabar_domain::Language as Language;
}

/// Writes the name of an enum value.
pub(crate) fn write_enum<E: EnumType>(value: E, text: &mut Vec<u8>) {
    let item = E::items().iter().find(|item| item.value == value);
    json::optional_string(item.map(|item| item.name), text);
}

/// Declares that enums are values of fields.
macro_rules! enums {
    ($($ty:ty),+ $(,)?) => {
        $(impl $crate::object::FieldValue for $ty {
            fn type_info(registry: &mut async_graphql::registry::Registry) -> String {
                <$ty as async_graphql::OutputType>::create_type_info(registry)
            }

            fn write(&self, text: &mut Vec<u8>) {
                $crate::object::write_enum(*self, text);
            }
        })+
    };
}

pub(crate) use enums;

/// Returns the resolver of a value that is known from its object.
pub(crate) fn value<T: Send + Sync + 'static>(
    write: impl Fn(&T, &ReadContext, &mut Vec<u8>) -> Result<()> + Send + Sync + 'static,
) -> FieldResolver<T> {
    FieldResolver::value(write)
}

/// A value in whose place the default is shown if the stored value cannot be read. The error is reported.
/// Meant for non-null fields: an error there would null the object, and the list that contains it.
pub(crate) struct OrDefault<V>(pub(crate) Result<V>);

impl<V> OrDefault<V> {
    /// Maps the value. Errors other than those of broken rows are returned.
    pub(crate) fn of<T>(value: Result<T>, map: impl FnOnce(T) -> V) -> Result<Self> {
        match value {
            Ok(value) => Ok(Self(Ok(map(value)))),
            Err(error) if error.code() == Code::BrokenRow => Ok(Self(Err(error))),
            Err(error) => Err(error),
        }
    }
}

impl<V: FieldValue + Default> FieldValue for OrDefault<V> {
    fn type_info(registry: &mut Registry) -> String {
        V::type_info(registry)
    }

    fn write(&self, text: &mut Vec<u8>) {
        match &self.0 {
            Ok(value) => value.write(text),
            Err(_) => V::default().write(text),
        }
    }

    fn size_hint(&self) -> usize {
        self.0.as_ref().map_or(0, V::size_hint)
    }

    fn failure(&self) -> Option<&Error> {
        self.0.as_ref().err()
    }
}

/// Returns the resolver of a field whose value an `async fn` returns. `call` calls it for all objects of a
/// level.
pub(crate) fn async_value<T, V>(call: Call<T, V>) -> FieldResolver<T>
where
    T: Send + Sync + 'static,
    V: FieldValue + Send + Sync + 'static,
{
    FieldResolver::objects(AsyncField(call))
}

/// A field whose value an `async fn` returns.
struct AsyncField<T, V>(Call<T, V>);

impl<T, V> ObjectField<ReadContext, T> for AsyncField<T, V>
where
    T: Send + Sync + 'static,
    V: FieldValue + Send + Sync + 'static,
{
    fn resolve<'a>(
        &'a self,
        context: &'a ReadContext,
        parents: &'a [&'a T],
    ) -> LevelFuture<'a, Error> {
        Box::pin(async move {
            let values = (self.0)(context, parents).await;
            let resolved: Box<dyn ResolvedField<Error> + 'a> = Box::new(Values(values));
            Ok(resolved)
        })
    }
}

/// The values of all objects of a level.
struct Values<V>(Vec<Result<V>>);

impl<V: FieldValue + Send + Sync> ResolvedField<Error> for Values<V> {
    fn write(&self, at: usize, out: &mut Output<Error>) -> std::result::Result<(), Nulled> {
        match &self.0[at] {
            Ok(value) => {
                if let Some(error) = value.failure() {
                    out.report(error.clone());
                }
                value.write(out.text());
                Ok(())
            }
            Err(error) => out.fail(error.clone()),
        }
    }

    fn size_hint(&self) -> usize {
        self.0.iter().flatten().map(FieldValue::size_hint).sum()
    }
}
