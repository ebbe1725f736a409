//! `#[derive(LabelValue)]`: an enum whose variants are the values of a label.

use crate::options::library;
use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, Error, Item, ItemEnum, ItemStruct, LitStr, Path, Result, Token};

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    derive(item).unwrap_or_else(|error| error.to_compile_error())
}

fn derive(item: TokenStream) -> Result<TokenStream> {
    match syn::parse2::<Item>(item)? {
        Item::Enum(item) => of_enum(&item),
        Item::Struct(item) => of_newtype(&item),
        other => Err(Error::new_spanned(other, "`LabelValue` is derived for an enum, or a struct with one field")),
    }
}

/// Each variant is its name in snake case, or what `#[label("…")]` says.
fn of_enum(item: &ItemEnum) -> Result<TokenStream> {
    let renamed = library_of(&item.attrs)?;
    let library = library(renamed.as_ref());
    let private = quote!(#library::__private);
    let ident = &item.ident;
    if item.variants.is_empty() {
        return Err(Error::new_spanned(ident, "an enum without variants has no values"));
    }
    let mut texts: Vec<LitStr> = Vec::new();
    let mut arms = Vec::new();
    for variant in &item.variants {
        let name = &variant.ident;
        let text = label_of(&variant.attrs)?
            .unwrap_or_else(|| LitStr::new(&snake_case(&name.unraw().to_string()), name.span()));
        if texts.iter().any(|other| other.value() == text.value()) {
            let message = format!(
                "two variants have the label value \"{}\"; give one another with #[label(\"…\")]",
                text.value()
            );
            return Err(Error::new(text.span(), message));
        }
        let index = texts.len();
        arms.push(quote!(Self::#name { .. } => #index));
        texts.push(text);
    }
    let count = texts.len();
    let (impl_generics, type_generics, where_clause) = item.generics.split_for_impl();
    Ok(quote! {
        impl #impl_generics #private::LabelValue for #ident #type_generics #where_clause {
            fn label_text(&self) -> #private::LabelText<'_> {
                #private::LabelValue::label_key(self).into()
            }

            #[inline]
            fn label_key(&self) -> #private::LabelKey<'_> {
                static TEXTS: [&str; #count] = [#(#texts),*];
                #private::LabelKey::variant(match self { #(#arms),* }, &TEXTS)
            }
        }
    })
}

/// A struct around one value is that value.
fn of_newtype(item: &ItemStruct) -> Result<TokenStream> {
    let renamed = library_of(&item.attrs)?;
    let library = library(renamed.as_ref());
    let private = quote!(#library::__private);
    let ident = &item.ident;
    let message = "`LabelValue` is derived for a struct with one field; for others, implement it";
    let (1, Some(field)) = (item.fields.len(), item.fields.iter().next()) else {
        return Err(Error::new_spanned(ident, message));
    };
    let member = field.ident.as_ref().map_or_else(|| quote!(0), |name| quote!(#name));
    let mut generics = item.generics.clone();
    if generics.type_params().next().is_some() {
        let kind = &field.ty;
        generics.make_where_clause().predicates.push(syn::parse_quote!(#kind: #private::LabelValue));
    }
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        impl #impl_generics #private::LabelValue for #ident #type_generics #where_clause {
            #[inline]
            fn label_text(&self) -> #private::LabelText<'_> {
                #private::LabelValue::label_text(&self.#member)
            }

            #[inline]
            fn label_key(&self) -> #private::LabelKey<'_> {
                #private::LabelValue::label_key(&self.#member)
            }
        }
    })
}

/// `#[label("…")]` on a variant.
fn label_of(attributes: &[Attribute]) -> Result<Option<LitStr>> {
    let mut marks = attributes.iter().filter(|attribute| attribute.path().is_ident("label"));
    let Some(mark) = marks.next() else { return Ok(None) };
    if let Some(again) = marks.next() {
        return Err(Error::new_spanned(again, "`#[label]` is given twice; remove one"));
    }
    let text =
        mark.parse_args::<LitStr>().map_err(|error| Error::new(error.span(), "write #[label(\"the value\")]"))?;
    Ok(Some(text))
}

/// `#[label(crate = path)]` on the type.
fn library_of(attributes: &[Attribute]) -> Result<Option<Path>> {
    let Some(mark) = attributes.iter().find(|attribute| attribute.path().is_ident("label")) else { return Ok(None) };
    mark.parse_args_with(|input: syn::parse::ParseStream<'_>| {
        input.parse::<Token![crate]>()?;
        input.parse::<Token![=]>()?;
        input.parse().map(Some)
    })
}

/// `PaidByCard` as `paid_by_card`.
fn snake_case(name: &str) -> String {
    let mut text = String::new();
    let chars: Vec<char> = name.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| chars.get(before));
        let after = chars.get(at + 1);
        let starts_word = before.is_some_and(|before| before.is_lowercase() || before.is_ascii_digit())
            || before.is_some_and(|before| before.is_uppercase()) && after.is_some_and(|after| after.is_lowercase());
        if c.is_uppercase() && starts_word {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::snake_case;

    #[test]
    fn variants_become_words() {
        for (name, text) in [
            ("Ok", "ok"),
            ("PaidByCard", "paid_by_card"),
            ("HTTPError", "http_error"),
            ("V2Beta", "v2_beta"),
            ("A", "a"),
        ] {
            assert_eq!(snake_case(name), text);
        }
    }
}
