//! The tables. (The table `orders` is that of the service `orders`.)

/// Orders.
pub(crate) mod order {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Debug, Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "cart_orders")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub user_id: String,
        pub cart_id: String,
        pub status: String,
        pub total_cents: i64,
        pub created_at: DateTimeUtc,
        #[sea_orm(has_many)]
        pub lines: HasMany<super::line::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// Lines of orders.
pub(crate) mod line {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Debug, Clone, DeriveEntityModel)]
    #[sea_orm(table_name = "cart_order_lines")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub order_id: Uuid,
        /// The place in the order, from 0.
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i64,
        pub product_id: String,
        pub quantity: i64,
        pub price_cents: i64,
        #[sea_orm(belongs_to, from = "order_id", to = "id")]
        pub order: HasOne<super::order::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
