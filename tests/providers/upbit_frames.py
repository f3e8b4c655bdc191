"""Frames as Upbit's documents and wire show them, with numbers of our own."""

from __future__ import annotations

from typing import Final

BOOK_DEFAULT: Final = (
    b'{"type":"orderbook","code":"KRW-BTC","timestamp":1790134742106,"total_ask_size":2.51469375,'
    b'"total_bid_size":1.63815297,"orderbook_units":[{"ask_price":1.16539E8,"bid_price":1.16538E8,'
    b'"ask_size":0.00077720,"bid_size":0.08120946},{"ask_price":1.16542E8,"bid_price":1.16537E8,'
    b'"ask_size":0.02054761,"bid_size":0.01129382}],"stream_type":"SNAPSHOT","level":0}'
)
BOOK_SIMPLE: Final = (
    b'{"ty":"orderbook","cd":"KRW-ETH","tms":1790134773006,"tas":0.48514983,"tbs":2.2403413,'
    b'"obu":[{"ap":4606000,"bp":4534000,"as":0.06288509,"bs":7.9276E-4},'
    b'{"ap":4609000,"bp":4521000,"as":5.0E-4,"bs":0.01624318}],"st":"REALTIME","lv":0}'
)
BOOK_OF_2021: Final = (
    b'{"ty":"orderbook","cd":"KRW-LSK","tms":1618678262640,"tas":10.5,"tbs":20.25,'
    b'"obu":[{"ap":127.0,"bp":126.0,"as":10.5,"bs":20.25}],"st":"REALTIME"}'
)
TRADE_DEFAULT: Final = (
    b'{"type":"trade","code":"KRW-BTC","timestamp":1730336862082,"trade_date":"2024-10-31",'
    b'"trade_time":"01:07:42","trade_timestamp":1730336862047,"trade_price":100473000.00000000,'
    b'"trade_volume":0.00014208,"ask_bid":"BID","prev_closing_price":100571000.00000000,'
    b'"change":"FALL","change_price":98000.00000000,"sequential_id":17303368620470000,'
    b'"best_ask_price":100473000,"best_ask_size":0.43139478,"best_bid_price":100465000,'
    b'"best_bid_size":0.01990656,"stream_type":"SNAPSHOT"}'
)
TRADE_SIMPLE: Final = (
    b'{"ty":"trade","cd":"KRW-XRP","tms":1790134773120,"td":"2026-09-23","ttm":"03:39:33",'
    b'"ttms":1790134773100,"tp":2045,"tv":29.8121,"ab":"ASK","pcp":2030,"c":"RISE","cp":15,'
    b'"sid":17901347731000001,"bap":2046,"bas":120.5,"bbp":2045,"bbs":7.9276E-4,"st":"REALTIME"}'
)
TRADE_OF_2021: Final = (
    b'{"ty":"trade","cd":"KRW-LSK","tms":1618678262712,"td":"2021-04-17","ttm":"16:51:02",'
    b'"ttms":1618678262000,"tp":127.0,"tv":46.48838371,"ab":"BID","pcp":123.00000000,"c":"RISE",'
    b'"cp":4.00000000,"sid":1618678262000003,"st":"REALTIME"}'
)
TICKER_DEFAULT: Final = (
    b'{"type":"ticker","code":"BTC-ETH","opening_price":0.02295092,"high_price":0.02295092,'
    b'"low_price":0.02161249,"trade_price":0.02161249,"prev_closing_price":0.02185802,'
    b'"acc_trade_price":2.32732482,"change":"FALL","change_price":0.00024553,'
    b'"signed_change_price":-0.00024553,"change_rate":0.0112329479,"signed_change_rate":-0.0112329479,'
    b'"ask_bid":"ASK","trade_volume":2.12,"acc_trade_volume":106.11798418,"trade_date":"20200317",'
    b'"trade_time":"215843","trade_timestamp":1584482323000,"acc_ask_volume":90.16935908,'
    b'"acc_bid_volume":15.9486251,"highest_52_week_price":0.03537414,'
    b'"highest_52_week_date":"2019-04-08","lowest_52_week_price":0.01614901,'
    b'"lowest_52_week_date":"2019-09-06","trade_status":null,"market_state":"ACTIVE",'
    b'"market_state_for_ios":null,"is_trading_suspended":false,"delisting_date":null,'
    b'"market_warning":"NONE","timestamp":1584482323378,"acc_trade_price_24h":2.59553063,'
    b'"acc_trade_volume_24h":118.38798416,"stream_type":"SNAPSHOT"}'
)
TICKER_SIMPLE: Final = (
    b'{"ty":"ticker","cd":"KRW-BTC","op":116000000,"hp":117000000,"lp":115000000,"tp":116539000,'
    b'"pcp":116000000,"atp":104890185475.25,"c":"RISE","cp":539000,"scp":539000,"cr":0.0046465517,'
    b'"scr":0.0046465517,"ab":"BID","tv":7.9276E-4,"atv":1024.30599241,"tdt":"20260923","ttm":"033933",'
    b'"ttms":1790134773100,"aav":500.5,"abv":523.80599241,"h52wp":179869000,"h52wdt":"2025-10-09",'
    b'"l52wp":89000000,"l52wdt":"2026-02-06","ms":"ACTIVE","its":false,"dd":null,"mw":"NONE",'
    b'"tms":1790134773120,"atp24h":162997300132.123,"atv24h":1587.73606087,"st":"REALTIME"}'
)
CANDLE_DEFAULT: Final = (
    b'{"type":"candle.1s","code":"KRW-USDT","candle_date_time_utc":"2025-04-22T09:50:34",'
    b'"candle_date_time_kst":"2025-04-22T18:50:34","opening_price":1438,"high_price":1439,'
    b'"low_price":1437,"trade_price":1438.5,"candle_acc_trade_volume":1145.8935,'
    b'"candle_acc_trade_price":1647794.853,"timestamp":1745315434125,"stream_type":"REALTIME"}'
)
CANDLE_SIMPLE: Final = (
    b'{"ty":"candle.240m","cd":"KRW-USDT","cdttmu":"2025-04-22T08:00:00","cdttmk":"2025-04-22T17:00:00",'
    b'"op":1438,"hp":1440,"lp":1430,"tp":1435,"catv":1145.8935,"catp":1647794.853,'
    b'"tms":1745315434125,"st":"SNAPSHOT"}'
)
MARKET_FRAMES: Final = (
    *(BOOK_DEFAULT, BOOK_SIMPLE, BOOK_OF_2021, TRADE_DEFAULT, TRADE_SIMPLE, TRADE_OF_2021),
    *(TICKER_DEFAULT, TICKER_SIMPLE, CANDLE_DEFAULT, CANDLE_SIMPLE),
)
CONTROL_FRAMES: Final = (
    b'{"status":"UP"}',
    b'{"error":{"name":"NO_CODES","message":"codes"}}',
    b'{"error":{"message":"Code not found","name":404}}',
    b'{"method":"LIST_SUBSCRIPTIONS","result":[{"type":"orderbook","codes":["KRW-BTC.5"],"level":0}]}',
    b'{"mthd":"LIST_SUBSCRIPTIONS","rslt":[{"ty":"orderbook","cds":["KRW-BTC.5"],"lv":0}],"tckt":"t"}',
)
