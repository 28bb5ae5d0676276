-- New orders; one in twenty repeats a recent one.
dofile(os.getenv("WRK_LIB"))
local recent, count = {}, 0

function init() seed() end

function request()
   if count > 0 and math.random() < 0.05 then
      return order(recent[math.random(math.min(count, 1000))])
   end
   local key = uuid()
   count = count + 1
   recent[(count - 1) % 1000 + 1] = key
   return order(key)
end
